package tree

import (
	"context"
	"slices"
	"strings"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/id"
)

// ClientStore is what Store does about clients.
type ClientStore interface {
	// Client reads one client in one statement.
	Client(ctx context.Context, accountID account.ID, id ClientID) (*Client, error)
	// Clients reads a page of clients in one statement, in the order of their names.
	Clients(ctx context.Context, accountID account.ID, q ClientQuery, span Span) (Connection[*Client], error)
	// ClientsNamed reads the clients that are found by one of these forms; a few at the most.
	ClientsNamed(ctx context.Context, accountID account.ID, keys []string) ([]*Client, error)
	// SeenBefore reads, in one statement, what was walked before for the client and
	// about the subject.
	SeenBefore(ctx context.Context, accountID account.ID, q SeenQuery) ([]SeenSession, error)
	// OpenWalks reads the running sessions for a ticket, case aside, the latest
	// started first, in one statement.
	OpenWalks(ctx context.Context, accountID account.ID, ticket string, limit int) ([]*Session, error)
}

// ClientTx is what Tx does about clients.
type ClientTx interface {
	// LockClients reads clients, and keeps others from changing them and from
	// beginning sessions for them until the transaction ends. What does not exist is
	// left out.
	LockClients(ctx context.Context, accountID account.ID, ids ...ClientID) ([]*Client, error)
	// KeepClient reads a client and keeps others from changing it until the
	// transaction ends.
	KeepClient(ctx context.Context, accountID account.ID, id ClientID) (*Client, error)
	// KeepClientsNamed is ClientsNamed that keeps others from changing them until the
	// transaction ends.
	KeepClientsNamed(ctx context.Context, accountID account.ID, keys []string) ([]*Client, error)
	// InsertClient adds a client. A name that another one has got since is a Conflict.
	InsertClient(ctx context.Context, c *Client) error
	// SaveClient writes what may change of a locked client, and shows it in the
	// running sessions that are for it. A name that another one has got since is a
	// Conflict.
	SaveClient(ctx context.Context, c *Client) error
	// MoveSessions makes all sessions for one client sessions for another one, and
	// says how many there were.
	MoveSessions(ctx context.Context, accountID account.ID, from, to ClientID) (int, error)
	// DeleteClient removes a client. Where a session is for it, that is a Conflict.
	DeleteClient(ctx context.Context, accountID account.ID, id ClientID) error
}

// ClientQuery asks for a list of clients, in the order of their names.
type ClientQuery struct {
	// Text is the beginning of a name or of an alias, or a whole ticket key, as
	// NameKeys reads them; empty for all clients. What is beyond MaxClient does not count.
	Text  string
	Page  Page
	Total bool
}

// ClientOrder names the one order of clients. Cursors carry it.
const ClientOrder = "CLIENT ASC"

// Client reads one client. Engineers and above may; to viewers it is NotFound.
func (s *Service) Client(ctx context.Context, actor account.Actor, id ClientID) (*Client, error) {
	if err := actor.Require(account.Viewer); err != nil {
		return nil, err
	}
	if !actor.Role.AtLeast(account.Engineer) {
		return nil, fault.Missing("client")
	}
	return s.Store.Client(ctx, actor.AccountID, id)
}

// Clients reads a page of clients. Engineers and above may. No text is refused; one
// that no name can have finds nothing.
func (s *Service) Clients(ctx context.Context, actor account.Actor, q ClientQuery) (Connection[*Client], error) {
	none := Connection[*Client]{Total: -1}
	if err := actor.Require(account.Engineer); err != nil {
		return none, err
	}
	span, err := q.Page.span(ClientOrder, false)
	if err != nil {
		return none, err
	}
	if q.Text = q.Text[:runeOffset(q.Text, MaxClient)]; !storable(q.Text) {
		if q.Total {
			none.Total = 0
		}
		return none, nil
	}
	return s.Store.Clients(ctx, actor.AccountID, q, span)
}

// CreateClient makes a client. Engineers and above may. A name, alias or key that
// another client goes by is a Conflict that carries that one's clientId.
func (s *Service) CreateClient(ctx context.Context, actor account.Actor, with ClientChange) (*Client, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	c := &Client{AccountID: actor.AccountID, ID: id.New[clientKind](), Revision: 1}
	if with.Name == nil {
		with.Name = new(string)
	}
	if err := c.update(with); err != nil {
		return nil, err
	}
	err := s.inTx(ctx, actor.AccountID, event.TreeSessions, func(ctx context.Context, tx Tx) error {
		c.CreatedAt = s.Now()
		c.UpdatedAt = c.CreatedAt
		if err := c.mayBeNamed(ctx, tx); err != nil {
			return err
		}
		return tx.InsertClient(ctx, c)
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// UpdateClient changes a client. Engineers and above may. Running sessions that
// are for it show the change at once; what has ended stays as it was. Another
// revision than the expected one is a Conflict that carries revision and savedAt;
// for names see CreateClient.
func (s *Service) UpdateClient(ctx context.Context, actor account.Actor, id ClientID, expectedRevision int, change ClientChange) (*Client, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	var c *Client
	err := s.inTx(ctx, actor.AccountID, event.TreeSessions, func(ctx context.Context, tx Tx) error {
		found, err := tx.LockClients(ctx, actor.AccountID, id)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fault.Missing("client")
		}
		c = found[0]
		if err := c.expect(expectedRevision); err != nil {
			return err
		}
		if err := c.update(change); err != nil {
			return err
		}
		if err := c.mayBeNamed(ctx, tx); err != nil {
			return err
		}
		c.saved(s.Now())
		return tx.SaveClient(ctx, c)
	})
	if err != nil {
		return nil, err
	}
	return c, nil
}

// mayBeNamed returns a Conflict where another client goes by one of the client's
// names. Two at once who take the same name are told apart by the database.
func (c *Client) mayBeNamed(ctx context.Context, tx Tx) error {
	names := c.Names()
	keys := make([]string, len(names))
	for i, n := range names {
		keys[i] = n.Key
	}
	others, err := tx.KeepClientsNamed(ctx, c.AccountID, keys)
	if err != nil {
		return err
	}
	for _, other := range others {
		if other.ID == c.ID {
			continue
		}
		return fault.New(fault.Conflict, "%q goes by one of these names already. Choose other names, or merge the two clients.", other.Name).
			With("clientId", other.ID.String())
	}
	return nil
}

// MergedClients is what came of a merge.
type MergedClients struct {
	Client *Client // the one that stays
	Moved  int     // sessions that were for the other one
}

// MergeClients makes one client of two spellings: all sessions of the one that goes
// are for the one that stays, which takes over its names, its ticket key and the
// facts that it does not have itself. Engineers and above may. Another revision
// than the expected one of the client that stays is a Conflict, as is more than one
// client can have.
func (s *Service) MergeClients(ctx context.Context, actor account.Actor, stays ClientID, expectedRevision int, goes ClientID) (MergedClients, error) {
	var merged MergedClients
	if err := actor.Require(account.Engineer); err != nil {
		return merged, err
	}
	if stays == goes {
		return merged, fault.Input("input.mergedClientId", "This is the client that stays. Name the other one.")
	}
	err := s.inTx(ctx, actor.AccountID, event.TreeSessions, func(ctx context.Context, tx Tx) error {
		found, err := tx.LockClients(ctx, actor.AccountID, stays, goes)
		if err != nil {
			return err
		}
		if len(found) != 2 {
			return fault.Missing("client")
		}
		c, other := found[0], found[1]
		if c.ID != stays {
			c, other = other, c
		}
		if err := c.expect(expectedRevision); err != nil {
			return err
		}
		if err := c.absorb(other); err != nil {
			return err
		}
		merged.Client = c
		if merged.Moved, err = tx.MoveSessions(ctx, actor.AccountID, goes, stays); err != nil {
			return err
		}
		if err := tx.DeleteClient(ctx, actor.AccountID, goes); err != nil {
			return err
		}
		c.saved(s.Now())
		if err := tx.SaveClient(ctx, c); err != nil {
			return err
		}
		return tx.AddAudit(ctx, s.clientAudit(actor, account.ClientsMerged, map[string]any{
			"client": c.Name, "clientId": c.ID.String(), "merged": other.Name, "mergedId": other.ID.String(), "count": merged.Moved,
		}))
	})
	if err != nil {
		return MergedClients{}, err
	}
	return merged, nil
}

// DeleteClient removes a client. Engineers and above may. Where a session is for
// it, that is a Conflict: its record names the client.
func (s *Service) DeleteClient(ctx context.Context, actor account.Actor, id ClientID) error {
	if err := actor.Require(account.Engineer); err != nil {
		return err
	}
	return s.inTx(ctx, actor.AccountID, event.TreeSessions, func(ctx context.Context, tx Tx) error {
		found, err := tx.LockClients(ctx, actor.AccountID, id)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return fault.Missing("client")
		}
		if err := tx.DeleteClient(ctx, actor.AccountID, id); err != nil {
			return err
		}
		return tx.AddAudit(ctx, s.clientAudit(actor, account.ClientDeleted, map[string]any{"client": found[0].Name, "clientId": id.String()}))
	})
}

// sessionClient returns the client that a session is to be for: the one with the
// id, or the one that goes by the name, which is made where create says so. It is
// nil where there is none: then the name stands as it was typed.
func (s *Service) sessionClient(ctx context.Context, tx Tx, actor account.Actor, clientID ClientID, name string, create bool) (*Client, error) {
	if !clientID.IsZero() {
		if name != "" {
			return nil, fault.Input("input.clientName", "Give the client's id or its name, not both.")
		}
		return tx.KeepClient(ctx, actor.AccountID, clientID)
	}
	if name == "" {
		return nil, nil
	}
	found, err := tx.KeepClientsNamed(ctx, actor.AccountID, NameKeys(name))
	if err != nil {
		return nil, err
	}
	c, err := theOne("input.clientName", found)
	if err != nil || c != nil || !create {
		return c, err
	}
	now := s.Now()
	c = &Client{AccountID: actor.AccountID, ID: id.New[clientKind](), Name: name, Revision: 1, CreatedAt: now, UpdatedAt: now}
	return c, tx.InsertClient(ctx, c)
}

// theOne returns the client that was found by a name; nil where none was. Several,
// of which one is found by ü as u and one by ü as ue, are BadUserInput.
func theOne(field string, found []*Client) (*Client, error) {
	if len(found) > 1 {
		names := make([]string, len(found))
		for i, c := range found {
			names[i] = c.Name
		}
		slices.Sort(names)
		return nil, fault.Input(field, "This may be %s. Choose one of them.", strings.Join(names, " or "))
	}
	if len(found) == 0 {
		return nil, nil
	}
	return found[0], nil
}

func (s *Service) clientAudit(actor account.Actor, action account.AuditAction, details map[string]any) account.AuditEntry {
	return account.AuditEntry{AccountID: actor.AccountID, ID: account.NewAuditID(), At: s.Now(), Action: action, ActorID: actor.UserID, Details: details}
}
