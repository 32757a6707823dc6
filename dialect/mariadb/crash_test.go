package mariadb_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	osexec "os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/massivedb/massive-go/dialect/mariadb"
	"github.com/massivedb/massive-go/dialect/mariadb/internal/server"
	"github.com/massivedb/massive-go/massive"
)

const (
	takers     = 8  // processes
	goroutines = 16 // of each process
	wanted     = 1_000_000
)

func TestMain(m *testing.M) {
	if dsn := os.Getenv("MASSIVE_TEST_TAKER"); dsn != "" {
		if err := take(dsn); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// take prints the values that its goroutines took. It tries again after an error, because
// the server is killed.
func take(dsn string) error {
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	db.SetMaxIdleConns(goroutines)
	ctx := context.Background()
	m, err := massive.Load(ctx, db, mariadb.New())
	if err != nil {
		return err
	}
	out := bufio.NewWriter(os.Stdout)
	var mu sync.Mutex
	var taken atomic.Int64
	var wg sync.WaitGroup
	failed := make(chan error, goroutines)
	for i := range goroutines {
		wg.Go(func() {
			n := []int{1, 50}[i%2]
			for taken.Load() < wanted/takers {
				values, err := takeSome(ctx, db, m, n)
				var answer *mysql.MySQLError
				if errors.As(err, &answer) && !errors.Is(err, massive.ErrUnavailable) {
					failed <- err // for example, a duplicate key
					return
				}
				if err != nil {
					time.Sleep(10 * time.Millisecond)
					continue
				}
				taken.Add(int64(n))
				mu.Lock()
				for _, v := range values {
					fmt.Fprintln(out, v, n)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	close(failed)
	return errors.Join(<-failed, out.Flush())
}

// takeSome takes one value or several. If the environment says so, it also stores them,
// in the same transaction.
func takeSome(ctx context.Context, db *sql.DB, m *massive.DB, n int) (values []int64, err error) {
	var tx *sql.Tx
	if os.Getenv("MASSIVE_TEST_STORE") != "" {
		if tx, err = db.BeginTx(ctx, nil); err != nil {
			return nil, err
		}
		defer func() { _ = tx.Rollback() }()
		m = m.With(tx)
	}
	s, err := m.Sequence("s")
	if err != nil {
		return nil, err
	}
	if n == 1 {
		values = make([]int64, 1)
		values[0], err = s.NextValue(ctx)
	} else {
		values, err = s.NextValues(ctx, n)
	}
	if err != nil || tx == nil {
		return values, err
	}
	rows := strings.Trim(strings.ReplaceAll(fmt.Sprint(values), " ", "), ("), "[]")
	if _, err := tx.ExecContext(ctx, "INSERT INTO t VALUES ("+rows+")"); err != nil {
		return nil, err
	}
	return values, tx.Commit()
}

// The server is killed twice, while eight processes take a million values. InnoDB writes
// a sequence's row to its log, but does not flush the log before it returns the value. So
// it returns the values of the last second again, unless something was committed after
// them. Aria flushes its log.
func TestNoValueTwiceAfterACrash(t *testing.T) {
	if os.Getenv("MASSIVE_TEST_CRASH") == "" {
		t.Skip("takes minutes; MASSIVE_TEST_CRASH=1 runs it")
	}
	for _, c := range []struct {
		sequence string
		stored   string // if not empty, a row with the value is committed in the same transaction
		safe     bool
	}{
		{"CACHE 1000", "", false}, {"NOCACHE", "", false}, {"CACHE 1000", ", stored", true}, {"NOCACHE", ", stored", true},
		{"CACHE 1000 ENGINE=Aria", "", true}, {"NOCACHE ENGINE=Aria", "", true},
	} {
		t.Run(c.sequence+c.stored, func(t *testing.T) {
			n, twice := crash(t, c.sequence, c.stored)
			t.Logf("%d values, of which the server returned %d twice", n, twice)
			if n < wanted || c.safe && twice > 0 {
				t.Errorf("got %d values, %d of them twice; want at least %d, none twice", n, twice, wanted)
			}
		})
	}
}

// crash returns the number of values that were taken, and how many of them twice.
func crash(t *testing.T, sequence, stored string) (n, twice int) {
	t.Helper()
	s, err := server.Start(t.Context(), "--innodb-flush-log-at-trx-commit=1", "--innodb-doublewrite=1", "--max-connections=300")
	server.Require(t, err)
	t.Cleanup(s.Stop)
	exec(t, open(t, s.DSN("")), "CREATE DATABASE shop", "CREATE SEQUENCE shop.s "+sequence, "CREATE TABLE shop.t (id bigint PRIMARY KEY)")
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	values := make(chan int64, 10_000)
	var wg sync.WaitGroup
	for range takers {
		cmd := osexec.Command(executable)
		cmd.Env = append(os.Environ(), "MASSIVE_TEST_TAKER="+s.DSN("shop"), "MASSIVE_TEST_STORE="+stored)
		var output bytes.Buffer // the driver logs each lost connection
		cmd.Stderr = &output
		pipe, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		wg.Go(func() {
			lines := bufio.NewReader(pipe)
			for v, size := int64(0), 0; ; values <- v {
				if _, err := fmt.Fscanln(lines, &v, &size); err != nil {
					break
				}
			}
			if err := cmd.Wait(); err != nil {
				t.Errorf("%v: %s", err, &output)
			}
		})
	}
	go func() { wg.Wait(); close(values) }()
	seen := map[int64]bool{}
	for v := range values {
		n++
		if seen[v] {
			twice++
		}
		seen[v] = true
		if n == wanted/3 || n == wanted*2/3 {
			if err := s.Kill(); err != nil {
				t.Error(err)
			}
		}
	}
	return n, twice
}
