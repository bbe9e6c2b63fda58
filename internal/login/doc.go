// Package login knows who is signed in: passwords, login sessions with their
// policy and deadlines, access and refresh tokens, and how a login session ends.
//
// A login session is one signed-in device. Its deadlines are frozen into it at
// the sign-in; activity, which is an active refresh, puts the idle one off.
// Whoever wants to know whether a token is good asks AccessTokens for what it
// says and Register for whether that still holds.
//
// Three rules hold everywhere. One clock judges, the database's, which comes in
// as Now; a decision reads it after it has its row lock. The committed state is
// the event: a hint after the commit makes it fast, and what was rolled back was
// never announced. Secrets have a type that does not print them.
package login
