package main

import (
	"context"
	"database/sql"
	"encoding/binary"
	"math"
	"net"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/massivedb/massive-go/dialect/postgres"
	"github.com/massivedb/massive-go/massive"
)

// counts do not depend on the machine.
type counts struct {
	Statements float64 `json:"statements"`
	Trips      float64 `json:"round_trips"`
	Blocks     float64 `json:"blocks,omitempty"` // read by the server, from memory or disk
	Allocs     float64 `json:"allocs"`           // in this process, including the driver's
}

// count returns the counts of one operation, after a warm-up.
func (s *stage) count(ctx context.Context, side side) (c counts, err error) {
	if err := side.do(ctx, 2); err != nil { // connects, prepares
		return c, err
	}
	began := time.Now()
	if err := side.do(ctx, 1); err != nil {
		return c, err
	}
	n := 3
	switch took := time.Since(began); {
	case took > 100*time.Millisecond:
		n = 1
	case took < 10*time.Microsecond:
		n = 10_000
	case took < time.Millisecond:
		n = 100
	}
	c.Allocs = math.Inf(1)
	for range 3 { // the minimum, since other goroutines allocate, too
		var before, after runtime.MemStats
		runtime.GC()
		statements, trips := s.wire.statements.Load(), s.wire.trips.Load()
		runtime.ReadMemStats(&before)
		if err := side.do(ctx, n); err != nil {
			return c, err
		}
		runtime.ReadMemStats(&after)
		c.Statements = float64(s.wire.statements.Load()-statements) / float64(n)
		c.Trips = float64(s.wire.trips.Load()-trips) / float64(n)
		c.Allocs = min(c.Allocs, math.Round(float64(after.Mallocs-before.Mallocs)/float64(n)*10)/10)
	}
	if side.blocks != nil {
		c.Blocks, err = side.blocks(ctx)
	}
	return c, err
}

// A wire counts the statements and round trips of a stage's connections.
type wire struct {
	statements, trips atomic.Int64
	pending           atomic.Bool // something was written, and nothing was read since
}

// Dial and DialTimeout implement [pq.Dialer].
func (w *wire) Dial(network, address string) (net.Conn, error) {
	return w.DialTimeout(network, address, 0)
}

func (w *wire) DialTimeout(network, address string, d time.Duration) (net.Conn, error) {
	c, err := net.DialTimeout(network, address, d)
	if err != nil {
		return nil, err
	}
	return wired{c, w}, nil
}

type wired struct {
	net.Conn
	*wire
}

// Write counts the messages Query and Execute. Both drivers write whole messages.
func (c wired) Write(b []byte) (int, error) {
	for m := b; len(m) >= 5; {
		if m[0] == 'Q' || m[0] == 'E' {
			c.statements.Add(1)
		}
		size := 1 + int(binary.BigEndian.Uint32(m[1:]))
		m = m[min(max(size, 5), len(m)):]
	}
	c.pending.Store(true)
	return c.Conn.Write(b)
}

func (c wired) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.pending.Swap(false) {
		c.trips.Add(1)
	}
	return n, err
}

// loadBlocks counts the blocks that the server reads for a load, after a first load.
func loadBlocks(db *sql.DB) func(context.Context) (float64, error) {
	return func(ctx context.Context) (float64, error) {
		tx, err := db.BeginTx(ctx, nil) // the server resets its counters between transactions
		if err != nil {
			return 0, err
		}
		defer tx.Rollback()
		var seen [4]float64
		for i := range seen {
			if i == 0 || i == 3 {
				if _, err := massive.Load(ctx, tx, postgres.New()); err != nil {
					return 0, err
				}
			}
			const read = "SELECT sum(pg_stat_get_xact_blocks_fetched(oid))::bigint FROM pg_class /* blocks */"
			if err := tx.QueryRowContext(ctx, read).Scan(&seen[i]); err != nil {
				return 0, err
			}
		}
		return seen[3] - seen[2] - (seen[2] - seen[1]), nil // without the blocks of the query that reads the counters
	}
}
