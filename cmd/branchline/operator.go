package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/store"
	"github.com/branchline/branchline/internal/tree"
)

// operator works on one account from the command line, on its trees in the name of
// one of its users. Who may read the database's address may do so: no password is asked.
type operator struct {
	account account.Account
	user    account.User
	users   []account.User // of the account
	logins  *store.Logins
	store   *store.Trees
	trees   *tree.Service
	now     func() time.Time // the database's clock
}

// asOperator calls fn for an account, named by its id or an owner's e-mail address.
// It works in the name of the user with that e-mail address or, where it is empty,
// of an owner.
func asOperator(cmd *cobra.Command, accountName, userEmail string, fn func(ctx context.Context, o *operator) error) error {
	return forAccount(cmd, accountName, func(ctx context.Context, o *operator) error {
		if err := o.choose(ctx, userEmail); err != nil {
			return err
		}
		o.trees = &tree.Service{Store: o.store, Now: o.now, Hints: noHints{}}
		return fn(ctx, o)
	})
}

// forAccount calls fn for an account, named by its id or an owner's e-mail address,
// in nobody's name.
func forAccount(cmd *cobra.Command, accountName string, fn func(ctx context.Context, o *operator) error) error {
	if accountName == "" {
		return wrongUsage{fmt.Errorf("the account is missing. Name it by its id or by an owner's e-mail address: %s --account owner@example.com", cmd.CommandPath())}
	}
	work := func(ctx context.Context, _ *cobra.Command, db *store.DB) error {
		if err := (&app{db: db}).refuseOldDatabase(ctx); err != nil {
			return err
		}
		o := &operator{logins: store.NewLogins(db), store: store.NewTrees(db)}
		if err := o.find(ctx, accountName); err != nil {
			return err
		}
		ahead, err := clockAhead(ctx, db)
		if err != nil {
			return err
		}
		o.now = func() time.Time { return time.Now().Add(ahead).UTC().Truncate(time.Microsecond) }
		return fn(ctx, o)
	}
	return withDatabase(work)(cmd, nil)
}

// clockAhead returns how far the database's clock is ahead of this machine's: its
// times are compared with those that the servers wrote.
func clockAhead(ctx context.Context, db *store.DB) (time.Duration, error) {
	var there time.Time
	begin := time.Now()
	if err := db.QueryRowContext(ctx, "SELECT clock_timestamp()").Scan(&there); err != nil {
		return 0, fmt.Errorf("read the database's clock: %w", err)
	}
	end := time.Now()
	return there.Sub(begin.Add(end.Sub(begin) / 2)), nil
}

// noHints tells nobody. Servers find what changed by themselves within two seconds.
type noHints struct{}

// Send does nothing.
func (noHints) Send(event.Hint) {}

func (o *operator) actor() account.Actor {
	return account.Actor{AccountID: o.account.ID, UserID: o.user.ID, Role: o.user.Role}
}

// find looks up the account, its users and, where one names it, that owner.
func (o *operator) find(ctx context.Context, accountName string) error {
	var id account.ID
	if strings.Contains(accountName, "@") {
		owner, err := userByEmail(ctx, o.logins, accountName)
		if err != nil {
			return err
		}
		if owner.Role != account.Owner {
			return fmt.Errorf("%s is no owner of an account. Name the account by its id or by an owner's e-mail address", owner.Email)
		}
		id, o.user = owner.AccountID, owner
	} else if err := id.UnmarshalText([]byte(accountName)); err != nil {
		return wrongUsage{fmt.Errorf("%q is neither an account's id nor an e-mail address. Write --account acct_… or --account owner@example.com", accountName)}
	}
	var err error
	if o.account, err = o.logins.Account(ctx, id); err != nil {
		return err
	}
	o.users, err = o.logins.Users(ctx, id)
	return err
}

// person returns the account's user with an e-mail address.
func (o *operator) person(ctx context.Context, email string) (account.User, error) {
	user, err := userByEmail(ctx, o.logins, email)
	if err == nil && user.AccountID != o.account.ID {
		err = fmt.Errorf("%s does not belong to the account %s. Choose one of its people", user.Email, o.account.Name)
	}
	return user, err
}

// choose says in whose name the work is done.
func (o *operator) choose(ctx context.Context, userEmail string) error {
	switch {
	case userEmail != "":
		user, err := o.person(ctx, userEmail)
		if err != nil {
			return err
		}
		o.user = user
	case o.user.ID.IsZero() || !o.user.DisabledAt.IsZero():
		for _, user := range o.users {
			if user.Role == account.Owner && user.DisabledAt.IsZero() {
				o.user = user
				break
			}
		}
	}
	switch {
	case !o.user.DisabledAt.IsZero():
		return fmt.Errorf("%s is disabled. Choose somebody else by --user", o.user.Email)
	case !o.user.Role.AtLeast(account.Engineer):
		return fmt.Errorf("%s is a viewer and cannot write trees. Choose somebody else by --user", o.user.Email)
	}
	return nil
}

func userByEmail(ctx context.Context, logins *store.Logins, text string) (account.User, error) {
	email, err := account.CleanEmail("", text)
	if err != nil {
		return account.User{}, wrongUsage{fmt.Errorf("%q is not an e-mail address. Write it like name@example.com", text)}
	}
	user, _, err := logins.Credentials(ctx, email)
	if errors.Is(err, fault.NotFound) {
		return account.User{}, fmt.Errorf("nobody has the e-mail address %s. Correct it, or name the account by its id", email)
	}
	return user, err
}

// oneTransaction is a store in which several use cases are one transaction.
type oneTransaction struct {
	tree.Store
	tx *operatorTx
}

// InTx runs fn in the transaction that is open already.
func (s oneTransaction) InTx(ctx context.Context, fn func(ctx context.Context, tx tree.Tx) error) error {
	return fn(ctx, s.tx)
}

// Tree reads the tree as the transaction has it.
func (s oneTransaction) Tree(ctx context.Context, accountID account.ID, id tree.ID, _ tree.Form, _ tree.TreeFields) (*tree.Tree, error) {
	return s.tx.LockTree(ctx, accountID, id)
}

// operatorTx is a transaction that an operator's command makes.
type operatorTx struct {
	tree.Tx
	command string
	newID   tree.ID // of the tree that is inserted: others may name it already

	before tree.Tree // the tree as it was locked last
	saved  bool      // something was written
}

// AddAudit adds an entry that names the command: the person in whose name it ran
// may know nothing of it.
func (t *operatorTx) AddAudit(ctx context.Context, e account.AuditEntry) error {
	e.Details["operator"] = "branchline " + t.command
	return t.Tx.AddAudit(ctx, e)
}

// InsertTree adds the tree with the id that was chosen for it.
func (t *operatorTx) InsertTree(ctx context.Context, made *tree.Tree) error {
	made.ID, t.saved = t.newID, true
	return t.Tx.InsertTree(ctx, made)
}

// LockTree remembers what it reads.
func (t *operatorTx) LockTree(ctx context.Context, accountID account.ID, id tree.ID) (*tree.Tree, error) {
	locked, err := t.Tx.LockTree(ctx, accountID, id)
	if err == nil {
		t.before = *locked
	}
	return locked, err
}

// SaveTree leaves a tree alone that did not change, so that its revision and who
// saved it stay.
func (t *operatorTx) SaveTree(ctx context.Context, changed *tree.Tree) error {
	if unchanged(&t.before, changed) {
		return nil
	}
	t.saved = true
	return t.Tx.SaveTree(ctx, changed)
}

func unchanged(a, b *tree.Tree) bool {
	return a.Status == b.Status && a.PublishedVersion == b.PublishedVersion && a.Category.ID == b.Category.ID &&
		a.Owner.ID == b.Owner.ID && a.ReviewBy.Equal(b.ReviewBy) && sameFile(fileOf(a), fileOf(b))
}

func fileOf(t *tree.Tree) tree.File {
	return tree.File{Title: t.Title, Description: t.Description, Tags: t.Tags, Graph: *t.Graph}
}

func sameFile(a, b tree.File) bool {
	return string(tree.EncodeJSON(a)) == string(tree.EncodeJSON(b))
}

// withoutPins returns the graph as a draft has it, with its subtrees renamed. The
// numbers of versions say nothing in another account.
func withoutPins(g *tree.Graph, rename func(tree.ID) tree.ID) tree.Graph {
	out := tree.Graph{Root: g.Root, Nodes: append([]tree.Node(nil), g.Nodes...)}
	for i := range out.Nodes {
		n := &out.Nodes[i]
		if n.Kind == tree.Subtree {
			n.Tree, n.Version = rename(n.Tree), 0
		}
	}
	return out
}

// leadsThrough lists the trees that a graph's subtrees name, each once.
func leadsThrough(g *tree.Graph) []tree.ID {
	var ids []tree.ID
	seen := map[tree.ID]bool{}
	for i := range g.Nodes {
		if n := &g.Nodes[i]; n.Kind == tree.Subtree && !n.Tree.IsZero() && !seen[n.Tree] {
			seen[n.Tree] = true
			ids = append(ids, n.Tree)
		}
	}
	return ids
}

// count writes a number of things: "1 tree", "2 trees".
func count(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
