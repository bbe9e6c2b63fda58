package model

import (
	"time"

	"github.com/branchline/branchline/internal/login"
)

// AuditEntry is a line of the audit log. It is the domain's own type by another name,
// so that all who watch share one pointer, and the transport encodes a line once.
type AuditEntry login.AuditLine

// AuditLine returns the wire's form of a line.
func AuditLine(line *login.AuditLine) *AuditEntry { return (*AuditEntry)(line) }

// Line returns the domain's form.
func (e *AuditEntry) Line() *login.AuditLine { return (*login.AuditLine)(e) }

// IsNode marks an AuditEntry as an object with a global id.
func (*AuditEntry) IsNode() {}

// GetID returns the global id.
func (e *AuditEntry) GetID() string { return e.ID() }

// ID returns the global id.
func (e *AuditEntry) ID() string { return e.Entry.ID.String() }

// HappenedAt returns when it happened.
func (e *AuditEntry) HappenedAt() time.Time { return e.Entry.At }

// Action returns what happened.
func (e *AuditEntry) Action() AuditAction { return AuditAction(e.Entry.Action) }

// Summary returns what happened in words.
func (e *AuditEntry) Summary() string { return e.Line().Summary() }

// LoginSessionID returns the login session's global id, or nil.
func (e *AuditEntry) LoginSessionID() *string {
	if e.Entry.LoginSessionID == "" {
		return nil
	}
	return &e.Entry.LoginSessionID
}

// IP returns the address that it was done from.
func (e *AuditEntry) IP() string { return e.Entry.IP }

// Details returns what else is to be known.
func (e *AuditEntry) Details() []*AuditDetail {
	facts := e.Entry.Facts()
	details := make([]*AuditDetail, len(facts))
	for i, f := range facts {
		details[i] = &AuditDetail{Name: f.Name, Value: f.Value}
	}
	return details
}

// Cursor returns the place in the log.
func (e *AuditEntry) Cursor() string { return e.Line().Cursor() }
