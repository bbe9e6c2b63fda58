package live

import (
	"strconv"

	"github.com/gorilla/websocket"
)

// Close is why the server ends a connection. Its code says whether the client
// should come back, see ComesBack; its reason is for people who read logs and
// is at most 123 bytes long (RFC 6455, 5.5).
type Close struct {
	Code   int
	Reason string
}

// The closes of the graphql-transport-ws protocol and of this server.
var (
	// BadMessage: the client sent what the protocol does not know. Fatal.
	BadMessage = Close{4400, "Bad message."}
	// SessionEnded: nobody is signed in any more, or the token was not issued
	// here. Fatal: sign in.
	SessionEnded = Close{4401, "Sign in."}
	// NotAcknowledged: an operation came before connection_ack. Fatal.
	NotAcknowledged = Close{4401, "Send connection_init first."}
	// TokenOutdated: the access token ran out, or the role changed. Come back
	// with a fresh one.
	TokenOutdated = Close{4403, "Refresh the access token and come back."}
	// TooOld: the socket reached its longest life. Come back with a fresh token.
	TooOld = Close{4403, "This connection is old. Come back."}
	// UnknownProtocol: the client does not speak graphql-transport-ws. Fatal.
	UnknownProtocol = Close{4406, "Speak graphql-transport-ws."}
	// InitTimeout: connection_init did not come in time. graphql-ws comes back.
	InitTimeout = Close{4408, "Connection initialisation timeout."}
	// Crowded: too many others came before they sent connection_init, and this one
	// has waited longest. graphql-ws comes back.
	Crowded = Close{4408, "Too many connections wait to be signed in. Come back."}
	// DuplicateID: an operation with this id is still under way. Fatal.
	DuplicateID = Close{4409, "An operation with this id is under way."}
	// SecondInit: connection_init came twice. Fatal.
	SecondInit = Close{4429, "Too many initialisation requests."}
	// TooManySockets: the login session has as many as it may have. Fatal.
	TooManySockets = Close{4429, "Too many connections. Close some."}
	// NotWebSocket: what came is no frame that a client may send (RFC 6455, 5). Fatal.
	NotWebSocket = Close{websocket.CloseProtocolError, "Speak WebSocket."}
	// NotUTF8: a text message was not UTF-8 (RFC 6455, 8.1). Fatal.
	NotUTF8 = Close{websocket.CloseInvalidFramePayloadData, "Text must be UTF-8."}
	// TooBig: a message was longer than Limits.Message. Fatal: large mutations
	// go by POST.
	TooBig = Close{websocket.CloseMessageTooBig, "The message is too big. Use POST."}
	// Restart: this process stops. Come back, to another one.
	Restart = Close{websocket.CloseServiceRestart, "The server restarts. Come back."}
	// SlowReader: the client does not read as fast as it is written to. Come
	// back; the first event is the whole state again.
	SlowReader = Close{websocket.CloseTryAgainLater, "Too slow. Come back."}
	// CannotVerify: the server cannot say whether the token is good. Come back.
	CannotVerify = Close{websocket.CloseTryAgainLater, "The server cannot check the token. Come back."}
)

// vanished is what is counted for a peer that went without a close frame. It is
// never sent (RFC 6455, 7.4.1).
var vanished = Close{websocket.CloseAbnormalClosure, ""}

// ComesBack says whether a client should connect again by itself. After any
// other close somebody has to do something first: sign in, or mend the client.
// The list is the one that the npm package graphql-ws retries.
func (c Close) ComesBack() bool {
	switch c.Code {
	case 4403, 4408, websocket.CloseGoingAway, websocket.CloseAbnormalClosure,
		websocket.CloseServiceRestart, websocket.CloseTryAgainLater:
		return true
	}
	return false
}

// label returns what the close is counted under. There are only so many: codes
// come from the list above.
func (c Close) label() string {
	switch {
	case c.Code == CannotVerify.Code && c.Reason != SlowReader.Reason:
		return "1013 cannot verify"
	case c == Crowded:
		return "4408 crowded"
	}
	return strconv.Itoa(c.Code)
}

// because returns c with another reason, cut to what a close frame can carry.
func (c Close) because(reason string) Close {
	const most = 123
	for len(reason) > most {
		cut := most
		for cut > 0 && reason[cut]&0xC0 == 0x80 { // not in the middle of a rune
			cut--
		}
		reason = reason[:cut]
	}
	c.Reason = reason
	return c
}
