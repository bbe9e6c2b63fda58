package natsfeed_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"
	"go.uber.org/goleak"

	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/natsfeed"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 30 * time.Second

var everything event.Hint

// start starts a real NATS server, which ends with the test.
func start(t *testing.T, o server.Options) *server.Server {
	t.Helper()
	o.Host, o.NoSigs, o.NoLog = "127.0.0.1", true, true
	if o.Port == 0 {
		o.Port = server.RANDOM_PORT
	}
	s, err := server.NewServer(&o)
	check(t, err)
	s.Start()
	t.Cleanup(func() {
		s.Shutdown()
		s.WaitForShutdown()
	})
	if !s.ReadyForConnections(patience) {
		t.Fatal("NATS does not start")
	}
	return s
}

func port(s *server.Server) int { return s.Addr().(*net.TCPAddr).Port }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// log collects log lines.
type log struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

func (l *log) Write(line []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(line)
}

func (l *log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// feed is a feed whose hints a test waits for.
type feed struct {
	*natsfeed.Feed
	hints chan event.Hint
	log   log
}

// listen starts a feed, which ends with the test.
func listen(t *testing.T, address string) *feed {
	t.Helper()
	f := &feed{hints: make(chan event.Hint, 10_000)}
	var err error
	f.Feed, err = natsfeed.New(address, "acme.hints", func(h event.Hint) { f.hints <- h }, slog.New(slog.NewTextHandler(&f.log, nil)))
	check(t, err)
	f.Start(t.Context())
	t.Cleanup(f.Stop)
	return f
}

// connected waits until it is, and for the hint that follows a new connection.
func (f *feed) connected(t *testing.T) *feed {
	t.Helper()
	await(t, "a connection", func() bool { return f.Traffic().Connected })
	f.await(t, everything)
	return f
}

func await(t *testing.T, what string, done func() bool) {
	t.Helper()
	for limit := time.After(patience); !done(); runtime.Gosched() {
		select {
		case <-limit:
			t.Fatalf("waited in vain for %s", what)
		default:
		}
	}
}

// await waits until all these hints were delivered; that of everything stands for each.
func (f *feed) await(t *testing.T, want ...event.Hint) {
	t.Helper()
	missing := map[event.Hint]bool{}
	for _, h := range want {
		missing[h] = true
	}
	for limit := time.After(patience); len(missing) > 0; {
		select {
		case h := <-f.hints:
			if delete(missing, h); h == everything {
				return
			}
		case <-limit:
			t.Fatalf("waited in vain for %d hints; %+v; the log:\n%s", len(missing), f.Traffic(), f.log.String())
		}
	}
}

// never fails the test if a hint came that is not one of everything.
func (f *feed) never(t *testing.T, what string) {
	t.Helper()
	for {
		select {
		case h := <-f.hints:
			if h != everything {
				t.Errorf("%s: %+v", what, h)
			}
		default:
			return
		}
	}
}

func hint(account string) event.Hint {
	return event.Hint{Account: account, Topic: event.LoginSessions}
}

func TestFeed_DeliversToEveryProcess(t *testing.T) {
	t.Parallel()
	s := start(t, server.Options{})
	a, b := listen(t, s.ClientURL()).connected(t), listen(t, s.ClientURL()).connected(t)
	elsewhere, err := natsfeed.New(s.ClientURL(), "other.hints", func(h event.Hint) {
		if h != everything {
			t.Errorf("another installation heard %+v", h)
		}
	}, slog.New(slog.DiscardHandler))
	check(t, err)
	elsewhere.Start(t.Context())
	t.Cleanup(elsewhere.Stop)

	a.never(t, "before anybody sent anything")
	a.Send(hint("acct_1"))
	if h := <-a.hints; h != hint("acct_1") { // within Send
		t.Errorf("the own process got %+v", h)
	}
	b.await(t, hint("acct_1"))
	many := make([]event.Hint, 100)
	for i := range many {
		many[i] = hint(fmt.Sprintf("acct_%d", i))
		a.Send(many[i])
	}
	b.await(t, many...)
	for i := range 2000 { // too many for one message: they mean everything
		a.Send(hint(fmt.Sprintf("acct_%s%d", strings.Repeat("y", 50), i)))
	}
	last := hint("acct_last")
	a.Send(last)
	b.await(t, last)
	b.Send(hint("acct_back"))
	a.await(t, hint("acct_back")) // after all that it sent itself: nothing of that came back
	if got := a.Traffic(); got.Carrier != "nats" || !got.Connected || got.Sent == 0 || got.Received != 1 || got.Dropped != 0 {
		t.Errorf("the traffic is %+v, want one hint received", got)
	}
	a.Stop()
	a.Stop()
	if a.Traffic().Connected {
		t.Error("a stopped feed is connected")
	}
}

func TestFeed_ComesBackAfterTheServerDid(t *testing.T) {
	t.Parallel()
	s := start(t, server.Options{})
	at := port(s)
	a, b := listen(t, s.ClientURL()).connected(t), listen(t, s.ClientURL()).connected(t)
	for range 3 {
		s.Shutdown()
		s.WaitForShutdown()
		await(t, "somebody to notice that NATS is away", func() bool { return !a.Traffic().Connected && !b.Traffic().Connected })
		dropped := a.Traffic().Dropped
		a.Send(hint("acct_lost"))
		await(t, "a hint to be dropped", func() bool { return a.Traffic().Dropped > dropped })
		s = start(t, server.Options{Port: at})
		a.connected(t)
		b.connected(t) // it may have missed anything
		b.never(t, "late hints help nobody")
		a.Send(hint("acct_1"))
		b.await(t, hint("acct_1"))
	}
}

func TestFeed_StartsWithoutAServer(t *testing.T) {
	t.Parallel()
	s := start(t, server.Options{})
	at := port(s)
	s.Shutdown()
	s.WaitForShutdown()
	f := listen(t, fmt.Sprintf("nats://127.0.0.1:%d", at))
	f.Send(hint("acct_1"))
	if h := <-f.hints; h != hint("acct_1") {
		t.Errorf("the own process got %+v", h)
	}
	await(t, "a line that NATS is away", func() bool { return strings.Contains(f.log.String(), "no NATS server answers") })
	start(t, server.Options{Port: at})
	f.connected(t)
	if n := strings.Count(f.log.String(), "level=WARN"); n != 1 {
		t.Errorf("it warns %d times, want once:\n%s", n, f.log.String())
	}
}

func TestFeed_SignsIn(t *testing.T) {
	t.Parallel()
	t.Run("by password, which the log does not have", func(t *testing.T) {
		t.Parallel()
		s := start(t, server.Options{Username: "branchline", Password: "wrong at first"})
		at := port(s)
		address := fmt.Sprintf("nats://branchline:s%%2Fcret@127.0.0.1:%d", at)
		f := listen(t, address)
		await(t, "a line that says what is wrong", func() bool { return strings.Contains(f.log.String(), "authorization violation") })
		s.Shutdown()
		s.WaitForShutdown()
		start(t, server.Options{Port: at, Username: "branchline", Password: "s/cret"}) // somebody mended it
		f.connected(t)
		if text := f.log.String(); strings.Contains(text, "cret") {
			t.Errorf("the log has the password:\n%s", text)
		}
	})
	t.Run("by a file of credentials", func(t *testing.T) {
		t.Parallel()
		options, creds := operated(t)
		s := start(t, options)
		f := listen(t, s.ClientURL()+"?creds="+creds).connected(t)
		g := listen(t, s.ClientURL()+"?creds="+creds).connected(t)
		f.Send(hint("acct_1"))
		g.await(t, hint("acct_1"))
	})
	t.Run("to a server with TLS", func(t *testing.T) {
		t.Parallel()
		certificate, ca := selfSigned(t)
		s := start(t, server.Options{TLS: true, TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}})
		f := listen(t, fmt.Sprintf("tls://127.0.0.1:%d?ca=%s", port(s), ca)).connected(t)
		stranger := listen(t, fmt.Sprintf("tls://127.0.0.1:%d", port(s)))
		await(t, "a certificate that nobody vouches for to be refused", func() bool { return strings.Contains(stranger.log.String(), "no NATS server answers") })
		if !f.Traffic().Connected || stranger.Traffic().Connected {
			t.Errorf("connected: %v with the certificate, %v without", f.Traffic().Connected, stranger.Traffic().Connected)
		}
	})
}

// operated returns a server that asks for credentials, and the file of a user's.
func operated(t *testing.T) (server.Options, string) {
	t.Helper()
	pair := func(make func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
		t.Helper()
		keys, err := make()
		check(t, err)
		public, err := keys.PublicKey()
		check(t, err)
		return keys, public
	}
	operatorKeys, operatorID := pair(nkeys.CreateOperator)
	accountKeys, accountID := pair(nkeys.CreateAccount)
	userKeys, userID := pair(nkeys.CreateUser)
	operator := jwt.NewOperatorClaims(operatorID)
	account, err := jwt.NewAccountClaims(accountID).Encode(operatorKeys)
	check(t, err)
	user, err := jwt.NewUserClaims(userID).Encode(accountKeys)
	check(t, err)
	seed, err := userKeys.Seed()
	check(t, err)
	creds, err := jwt.FormatUserConfig(user, seed)
	check(t, err)
	path := filepath.Join(t.TempDir(), "user.creds")
	check(t, os.WriteFile(path, creds, 0o600))
	resolver := &server.MemAccResolver{}
	check(t, resolver.Store(accountID, account))
	return server.Options{TrustedOperators: []*jwt.OperatorClaims{operator}, AccountResolver: resolver}, path
}

// selfSigned returns a certificate for 127.0.0.1 and the file to trust it by.
func selfSigned(t *testing.T) (tls.Certificate, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "nats"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	check(t, err)
	path := filepath.Join(t.TempDir(), "ca.pem")
	check(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600))
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, path
}

func TestNew_SaysWhatIsWrongWithTheAddress(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "missing.creds")
	for address, want := range map[string]string{
		"nats.example.com:4222":                        "not the address",
		"http://nats.example.com":                      "not the address",
		"nats://":                                      "not the address",
		"nats://user:secret@host:port":                 "not the address",
		"nats://a.example.com,postgres://b":            "not the address",
		"nats://user:secret@a?password=secret":         `"password"`,
		"nats://user:secret@a?creds=%zz":               "cannot be read",
		"nats://user:secret@a?creds=" + missing:        "missing.creds",
		"nats://user:secret@a, nats://b?ca=" + missing: "missing.creds",
	} {
		_, err := natsfeed.New(address, "s", nil, nil)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "EVENTS_URL") || strings.Contains(err.Error(), "user:secret") {
			t.Errorf("%s: %v, want %s", address, err, want)
		}
	}
}
