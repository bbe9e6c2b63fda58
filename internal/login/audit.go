package login

import (
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
)

// AuditLine is an entry of the audit log as people read it.
type AuditLine struct {
	Entry     account.AuditEntry
	By        *account.User // who did it; nil where nobody did
	About     *account.User // whom it was done to; nil if nobody
	UserAgent string        // of the device of the entry's login session; empty if unknown
	XID       uint64        // the transaction that wrote it; 0 where it is older than that is known
	// Read is what the read saw that brought the line, and Known what was known
	// before that. Both are shared by all lines of one read.
	Read, Known *Mark
}

// Summary says in a sentence what the line tells.
func (l *AuditLine) Summary() string {
	name := func(u *account.User) string {
		if u == nil {
			return ""
		}
		return u.Name
	}
	return l.Entry.Words(name(l.By), name(l.About))
}

// Cursor returns the line's place in the log.
func (l *AuditLine) Cursor() string {
	p := AuditPlace{AuditMark: AuditMark{At: l.Entry.At, ID: l.Entry.ID}}
	if l.Read != nil {
		p.Read = *l.Read
	}
	if l.Known != nil {
		p.Known = *l.Known
	}
	return p.String()
}

// Sees says whether a transaction was committed when the read was made. What is
// older than transactions are noted was.
func (m Mark) Sees(xid uint64) bool { return xid < m.XMax && !slices.Contains(m.InProgress, xid) }

// AuditPlace is what a cursor says: a line's place in the order of time, for paging;
// and for going on without missing what is committed late, that all is known that
// Read saw, but for what Known did not see and comes later in the log than the line.
// Nothing of it is secret or trusted: every statement is keyed by account.
type AuditPlace struct {
	AuditMark
	Read, Known Mark
}

// String returns the cursor's text, which is opaque to clients.
func (p AuditPlace) String() string {
	mark := func(m Mark) string {
		parts := []string{strconv.FormatUint(m.XMax, 10)}
		for _, xid := range m.InProgress {
			parts = append(parts, strconv.FormatUint(xid, 10))
		}
		return strings.Join(parts, ",")
	}
	return base64.RawURLEncoding.EncodeToString([]byte(strings.Join([]string{
		"AUDIT", p.ID.String(), strconv.FormatInt(p.At.UnixMicro(), 10), mark(p.Read), mark(p.Known),
	}, "\n")))
}

const (
	maxAuditCursor = 20_000             // characters; one of a busy server has thousands of transactions in progress at the worst
	lastInstant    = 253402300799999999 // of the year 9999, in microseconds, so that PostgreSQL can read it
	lastXID        = uint64(1<<63 - 1)  // that a bigint holds
)

func parseAuditCursor(field, text string) (AuditPlace, error) {
	refused := fault.Input(field, "This is not a cursor of the audit log. Take one from its latest answer.")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(text) > maxAuditCursor {
		return AuditPlace{}, refused
	}
	parts := strings.Split(string(raw), "\n")
	var p AuditPlace
	if len(parts) != 5 || parts[0] != "AUDIT" || p.ID.UnmarshalText([]byte(parts[1])) != nil {
		return AuditPlace{}, refused
	}
	micros, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil || micros < 0 || micros > lastInstant {
		return AuditPlace{}, refused
	}
	p.At = time.UnixMicro(micros).UTC()
	for i, m := range []*Mark{&p.Read, &p.Known} {
		for j, number := range strings.Split(parts[3+i], ",") {
			xid, err := strconv.ParseUint(number, 10, 64)
			switch {
			case err != nil || xid > lastXID:
				return AuditPlace{}, refused
			case j == 0:
				m.XMax = xid
			default:
				m.InProgress = append(m.InProgress, xid)
			}
		}
	}
	if p.String() != text { // one place has one cursor
		return AuditPlace{}, refused
	}
	return p, nil
}

// AuditFilter says which lines are wanted. A zero field does not filter.
type AuditFilter struct {
	Actions  []account.AuditAction // any of these
	User     account.UserID        // who did it or whom it was done to
	From, To time.Time             // From is in, To is not
}

// Bounds of a page of the audit log.
const (
	defaultAuditPage = 20
	maxAuditPage     = 100
)

// AuditQuery asks for a page of the audit log.
type AuditQuery struct {
	Filter AuditFilter
	First  *int   // 0 to 100; 20 if nil
	After  string // a cursor of an earlier page; empty for the newest line
	Total  bool   // count all that the filter lets through
}

// AuditPage is a page of the audit log, newest first.
type AuditPage struct {
	Lines []*AuditLine
	More  bool
	Total int // -1 unless it was asked for
}

// AuditLog returns a page of the account's audit log. Owners only.
func (s *Service) AuditLog(ctx context.Context, actor account.Actor, q AuditQuery) (AuditPage, error) {
	if err := actor.Require(account.Owner); err != nil {
		return AuditPage{}, err
	}
	limit := defaultAuditPage
	if q.First != nil {
		limit = *q.First
	}
	if limit < 0 || limit > maxAuditPage {
		return AuditPage{}, fault.Input("first", "The argument first has to be between 0 and %d.", maxAuditPage)
	}
	var before AuditMark
	if q.After != "" {
		place, err := parseAuditCursor("after", q.After)
		if err != nil {
			return AuditPage{}, err
		}
		before = place.AuditMark
	}
	lines, err := s.Store.AuditLog(ctx, actor.AccountID, q.Filter, before, limit+1)
	if err != nil {
		return AuditPage{}, err
	}
	page := AuditPage{Lines: lines[:min(limit, len(lines))], More: len(lines) > limit, Total: -1}
	if q.Total {
		page.Total, err = s.Store.CountAudit(ctx, actor.AccountID, q.Filter)
	}
	return page, err
}

// AuditEntry returns one line of the account's audit log. To everybody but owners it
// is NotFound, like one that does not exist.
func (s *Service) AuditEntry(ctx context.Context, actor account.Actor, id account.AuditID) (*AuditLine, error) {
	if err := actor.Require(account.Viewer); err != nil {
		return nil, err
	}
	if !actor.Role.AtLeast(account.Owner) {
		return nil, fault.Missing("audit entry")
	}
	return s.Store.AuditEntry(ctx, actor.AccountID, id)
}

// exportStep is how many lines of an export are read and held at a time.
const exportStep = 1000

// exportPatience is how long the database may take for them. The whole file takes as
// long as the client does.
const exportPatience = 5 * time.Second

// ExportAudit writes down that the caller exports what the filter lets through of the
// audit log, and then calls each with its lines, newest first, until one returns an
// error. What is logged meanwhile is not in it. Owners only; the role and the login
// session are read anew, because a copied access token must not carry the log away
// after its session has ended.
func (s *Service) ExportAudit(ctx context.Context, c Caller, filter AuditFilter, each func(*AuditLine) error) error {
	if err := c.Require(account.Owner); err != nil {
		return err
	}
	if !filter.From.IsZero() && !filter.To.IsZero() && !filter.From.Before(filter.To) {
		return fault.Input("to", "This has to be later than from.")
	}
	known := account.AuditActions()
	for _, action := range filter.Actions {
		if !slices.Contains(known, action) {
			return fault.Input("action", "%q is no action of the audit log.", action)
		}
	}
	filter.Actions = slices.Compact(slices.Sorted(slices.Values(filter.Actions)))
	limited, cancel := context.WithTimeout(ctx, exportPatience)
	defer cancel()
	err := s.Store.InTx(limited, func(ctx context.Context, tx Tx) error {
		if _, _, err := s.confirm(ctx, tx, c, account.Owner, false); err != nil {
			return err
		}
		now := s.now()
		e := s.callerEntry(account.AuditLogExported, c, now)
		for name, at := range map[string]time.Time{"from": filter.From, "to": filter.To} {
			if !at.IsZero() {
				e.Details[name] = at.UTC().Format(time.RFC3339)
			}
		}
		if len(filter.Actions) > 0 {
			names := make([]string, len(filter.Actions))
			for i, action := range filter.Actions {
				names[i] = string(action)
			}
			e.Details["actions"] = strings.Join(names, ", ")
		}
		if !filter.User.IsZero() {
			e.Details["user"] = filter.User.String()
		}
		if filter.To.IsZero() || filter.To.After(now) {
			filter.To = now // its own line is not in it
		}
		return tx.AddAudit(ctx, e)
	})
	if err != nil {
		return err
	}
	var before AuditMark
	for {
		limited, cancel := context.WithTimeout(ctx, exportPatience)
		lines, err := s.Store.AuditLog(limited, c.AccountID, filter, before, exportStep)
		cancel()
		if err != nil {
			return err
		}
		for _, line := range lines {
			if err := each(line); err != nil {
				return fmt.Errorf("write a line of the audit log: %w", err)
			}
			before = AuditMark{At: line.Entry.At, ID: line.Entry.ID}
		}
		if len(lines) < exportStep {
			return nil
		}
	}
}
