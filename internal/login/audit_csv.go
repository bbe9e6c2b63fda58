package login

import (
	"encoding/csv"
	"io"
	"strings"
	"time"

	"github.com/branchline/branchline/internal/account"
)

// AuditCSV writes lines of the audit log as RFC 4180 says, in UTF-8, under a row of
// names.
type AuditCSV struct{ w *csv.Writer }

// NewAuditCSV returns a writer to w.
func NewAuditCSV(w io.Writer) *AuditCSV {
	out := csv.NewWriter(w)
	out.UseCRLF = true
	return &AuditCSV{out}
}

// Head writes the row of names.
func (c *AuditCSV) Head() error {
	return c.write("id", "at", "action", "summary", "actor_id", "actor", "actor_email", "subject_id", "subject", "subject_email",
		"login_session_id", "user_agent", "ip", "details")
}

// Line writes a line.
func (c *AuditCSV) Line(l *AuditLine) error {
	row := []string{l.Entry.ID.String(), l.Entry.At.UTC().Format(time.RFC3339Nano), string(l.Entry.Action), l.Summary()}
	for _, u := range []*account.User{l.By, l.About} {
		if u == nil {
			row = append(row, "", "", "")
		} else {
			row = append(row, u.ID.String(), u.Name, u.Email)
		}
	}
	var details []string
	for _, f := range l.Entry.Facts() {
		details = append(details, f.Name+"="+f.Value)
	}
	return c.write(append(row, l.Entry.LoginSessionID, l.UserAgent, l.Entry.IP, strings.Join(details, "; "))...)
}

// Flush hands on what is written.
func (c *AuditCSV) Flush() error {
	c.w.Flush()
	return c.w.Error()
}

// write writes a row. A cell that a spreadsheet would take for a formula gets an
// apostrophe before it, which spreadsheets take for text: names, titles and what a
// browser says of itself are anybody's words, and a formula can send a sheet away.
func (c *AuditCSV) write(row ...string) error {
	for i, cell := range row {
		if cell != "" && strings.ContainsRune("=+-@\t\r\n＝＋－＠", []rune(cell)[0]) {
			row[i] = "'" + cell
		}
	}
	return c.w.Write(row)
}
