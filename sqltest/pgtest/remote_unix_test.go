//go:build unix

package pgtest

// External servers over TCP: with and without TLS, and several hosts in one URL.

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// tcp starts a server on a port of 127.0.0.1. If certificate is a directory, the server
// uses TLS.
func tcp(t *testing.T, certificate string) (port int) {
	t.Helper()
	c := locally(t)
	bin, err := binaries(c)
	noError(t, err)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	noError(t, err)
	port = free.Addr().(*net.TCPAddr).Port
	free.Close()
	settings := []string{"listen_addresses=127.0.0.1", fmt.Sprintf("port=%d", port)}
	if certificate != "" {
		settings = append(settings, "ssl=on", "ssl_cert_file="+certificate+"/cert.pem", "ssl_key_file="+certificate+"/key.pem")
	}
	dir, err := clusterDir(c.tempDir)
	noError(t, err)
	cluster, err := launch(dir, bin, settings)
	noError(t, err)
	t.Cleanup(func() {
		if err := cluster.stop(); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	_, err = await(ctx, fmt.Sprintf("host=127.0.0.1 port=%d user=postgres dbname=postgres sslmode=prefer", port), func() error {
		time.Sleep(10 * time.Millisecond)
		return nil
	})
	if err != nil {
		t.Fatalf("%v: %s", err, cluster.logged())
	}
	return port
}

// certified creates a directory with a self-signed certificate for 127.0.0.1. Only the
// server's user can read its key.
func certified(t *testing.T) (dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "pgtest-tls-") // the server's user can't enter t.TempDir
	noError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	noError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "pgtest"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	noError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	noError(t, err)
	credential, err := unprivileged()
	noError(t, err)
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	if err := errors.Join(
		os.WriteFile(certFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert}), 0o644),
		os.WriteFile(keyFile, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600),
		os.Chmod(dir, 0o755),
	); err != nil {
		t.Fatal(err)
	}
	if credential != nil {
		noError(t, os.Chown(keyFile, int(credential.Uid), int(credential.Gid)))
	}
	return dir
}

// If a URL does not fix TLS or the host, both drivers still connect to the same server in
// the same way.
func TestRemoteServerIsTheSameForBothDrivers(t *testing.T) {
	t.Parallel()
	certificate := certified(t)
	plain, secure := tcp(t, ""), tcp(t, certificate)
	down, err := net.Listen("tcp", "127.0.0.1:0") // its port is closed below
	noError(t, err)
	gone := down.Addr().(*net.TCPAddr).Port
	down.Close()

	for _, test := range []struct {
		url    string
		port   int
		secure string
	}{
		{fmt.Sprintf("postgres://postgres@127.0.0.1:%d", plain), plain, "false"},
		{fmt.Sprintf("postgres://postgres@127.0.0.1:%d/?sslmode=prefer\n", plain), plain, "false"},
		{fmt.Sprintf("postgresql://postgres@127.0.0.1:%d/?sslmode=disable", secure), secure, "false"},
		{fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres", secure), secure, "true"},
		{fmt.Sprintf("host=127.0.0.1 port=%d user=postgres", secure), secure, "true"},
		{fmt.Sprintf("host=127.0.0.1 port=%d user=postgres sslmode=allow", secure), secure, "false"},
		{fmt.Sprintf("postgres://postgres@127.0.0.1:%d?sslmode=require", secure), secure, "true"},
		{fmt.Sprintf("postgres://postgres@127.0.0.1:%d?sslmode=verify-full&sslrootcert=%s/cert.pem", secure, certificate), secure, "true"},
		{fmt.Sprintf("postgres://postgres@127.0.0.1:%d,127.0.0.1:%d/postgres", gone, plain), plain, "false"},
		{fmt.Sprintf("postgres://postgres@127.0.0.1:%d,127.0.0.1:%d,127.0.0.1:%d/postgres", gone, secure, plain), secure, "true"},
		{fmt.Sprintf("postgres://postgres@127.0.0.1:%d,127.0.0.1:%d?sslmode=require", plain, secure), secure, "true"},
		{fmt.Sprintf("host=127.0.0.1,127.0.0.1 port=%d,%d user=postgres", gone, secure), secure, "true"},
		{fmt.Sprintf("postgres://postgres@/?host=127.0.0.1,127.0.0.1&port=%d,%d&target_session_attrs=read-write", gone, plain), plain, "false"},
	} {
		server, err := findServer(t.Context(), at(test.url))
		if err != nil {
			t.Errorf("%s: %v", test.url, err)
			continue
		}
		if config, err := pgconn.ParseConfig(server.dsn); err != nil || len(config.Fallbacks) > 0 {
			t.Errorf("%s: the DSN %s (%v) has fallbacks", test.url, server.dsn, err)
		}
		database, err := server.CreateDatabase(t.Context())
		noError(t, err)
		for _, driver := range drivers {
			got := query(t, database.Open(t, driver), `SELECT concat_ws(' ', inet_server_port(), current_database(), ssl::text)
				FROM pg_stat_ssl WHERE pid = pg_backend_pid()`)
			if want := fmt.Sprint(test.port, " ", database.Name(), " ", test.secure); got != want {
				t.Errorf("%s: %s is connected to %s, want %s", test.url, driver, got, want)
			}
		}
		if err := server.Stop(); err != nil {
			t.Error(err)
		}
	}

	_, err = findServer(t.Context(), at(fmt.Sprintf("postgres://postgres:hush@127.0.0.1:%d,127.0.0.1:%d/postgres?sslmode=require", gone, plain)))
	if err == nil || strings.Contains(err.Error(), "hush") || !strings.Contains(err.Error(), fmt.Sprint(gone)) ||
		!strings.Contains(err.Error(), "server refused TLS connection") || !strings.Contains(err.Error(), "unset it") {
		t.Errorf("error %v, want one with the error of each host", err)
	}
}
