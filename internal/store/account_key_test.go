package store_test

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/tree"
)

// These tests ask the store itself, beside the services: with another account's
// id, no row of this account is found or changed.

func TestTrees_AnotherAccountsKeyFindsNoRow(t *testing.T) {
	t.Parallel()
	b := openTrees(t)
	ctx := t.Context()
	ours := b.publish(t, b.acme.Engineer, "ours")
	walk := b.begin(t, b.acme.Engineer, tree.NewSession{Tree: ours.ID})
	before, err := b.trees.Tree(ctx, b.acme.Account, ours.ID, tree.DraftForm, tree.AllTreeFields)
	if err != nil {
		t.Fatal(err)
	}
	within := func(f func(ctx context.Context, tx tree.Tx) error) func() error {
		return func() error { return b.trees.InTx(ctx, f) }
	}
	missing := map[string]func() error{
		"Version": func() error {
			_, err := b.trees.Version(ctx, b.rival.Account, tree.DraftForm, ours.ID, 1, 0)
			return err
		},
		"Tree": func() error {
			_, err := b.trees.Tree(ctx, b.rival.Account, ours.ID, tree.DraftForm, 0)
			return err
		},
		"LockTree": within(func(ctx context.Context, tx tree.Tx) error {
			_, err := tx.LockTree(ctx, b.rival.Account, ours.ID)
			return err
		}),
		"InSession": func() error {
			return b.trees.InSession(ctx, b.rival.Account, walk.ID, "", func(context.Context, tree.Tx, *tree.Session, *tree.Request) error { return nil })
		},
		"LatestVersion": within(func(ctx context.Context, tx tree.Tx) error {
			_, _, err := tx.LatestVersion(ctx, b.rival.Account, ours.ID)
			return err
		}),
	}
	for name, try := range missing {
		wantFaultNamed(t, name, try(), fault.NotFound)
	}
	stolen := *before
	stolen.AccountID, stolen.Title = b.rival.Account, "stolen"
	thief := &account.User{AccountID: b.rival.Account, ID: b.rival.Owner.UserID}
	stolen.Author, stolen.Owner, stolen.SavedBy = thief, thief, thief
	for name, change := range map[string]func() error{
		"SaveTree":   within(func(ctx context.Context, tx tree.Tx) error { return tx.SaveTree(ctx, &stolen) }),
		"DeleteTree": within(func(ctx context.Context, tx tree.Tx) error { return tx.DeleteTree(ctx, b.rival.Account, ours.ID) }),
	} {
		if err := change(); err != nil {
			t.Errorf("%s changes no row, which is no error, but returns %v", name, err)
		}
	}
	shelf, err := b.service.CreateCategory(ctx, b.acme.Engineer, "Network")
	if err != nil {
		t.Fatal(err)
	}
	for name, try := range map[string]func(ctx context.Context, tx tree.Tx) error{
		"LockSubtrees": func(ctx context.Context, tx tree.Tx) error {
			found, err := tx.LockSubtrees(ctx, b.rival.Account, []tree.ID{ours.ID})
			if len(found.Newest)+len(found.Versions) > 0 {
				t.Errorf("another account's key reads %+v", found)
			}
			return err
		},
		"LockCategories": func(ctx context.Context, tx tree.Tx) error {
			found, err := tx.LockCategories(ctx, b.rival.Account)
			if len(found) > 0 {
				t.Errorf("another account's key reads %+v", found)
			}
			return err
		},
		"RenameCategory": func(ctx context.Context, tx tree.Tx) error {
			return tx.RenameCategory(ctx, tree.Category{AccountID: b.rival.Account, ID: shelf.ID, Name: "stolen"})
		},
		"OrderCategories": func(ctx context.Context, tx tree.Tx) error {
			return tx.OrderCategories(ctx, b.rival.Account, []tree.CategoryID{newID[tree.CategoryID](t), shelf.ID})
		},
		"DeleteCategory": func(ctx context.Context, tx tree.Tx) error { return tx.DeleteCategory(ctx, b.rival.Account, shelf.ID) },
	} {
		if err := b.trees.InTx(ctx, try); err != nil {
			t.Errorf("%s changes no row, which is no error, but returns %v", name, err)
		}
	}
	if list, err := b.service.Categories(ctx, b.acme.Engineer); err != nil || len(list) != 1 || list[0] != shelf {
		t.Errorf("the categories are %+v, %v", list, err)
	}
	after, err := b.trees.Tree(ctx, b.acme.Account, ours.ID, tree.DraftForm, tree.AllTreeFields)
	if err != nil {
		t.Fatal(err)
	}
	if after.Title != before.Title || after.Revision != before.Revision || after.Owner.ID != b.acme.Engineer.UserID {
		t.Errorf("the tree is %+v, was %+v", after, before)
	}
}

func TestLogins_AnotherAccountsKeyFindsNoRow(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	ctx := t.Context()
	ann, eve := d.found(t, "acme", "ann"), d.found(t, "rival", "eve")
	acme, rival := ann.User.AccountID, eve.User.AccountID
	invitation, _, err := d.Invite(ctx, ann.caller(), "bob@acme.example", account.Engineer)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := d.store.PasswordOf(ctx, acme, ann.User.ID)
	if err != nil {
		t.Fatal(err)
	}
	user, session, taken := ann.User, ann.Session, invitation
	user.AccountID, user.Name = rival, "stolen"
	session.AccountID, session.Generation = rival, 9
	taken.AccountID, taken.AcceptedAt, taken.AcceptedBy = rival, noon, eve.User.ID
	tests := map[string]struct {
		code fault.Code
		try  func(ctx context.Context, tx login.Tx) error
	}{
		"PasswordOf": {fault.NotFound, func(ctx context.Context, tx login.Tx) error {
			_, err := tx.PasswordOf(ctx, rival, ann.User.ID)
			return err
		}},
		"User": {fault.NotFound, func(ctx context.Context, tx login.Tx) error { _, err := tx.User(ctx, rival, ann.User.ID); return err }},
		"LockUser": {fault.NotFound, func(ctx context.Context, tx login.Tx) error {
			_, err := tx.LockUser(ctx, rival, ann.User.ID)
			return err
		}},
		"InSignIn": {fault.NotFound, func(ctx context.Context, _ login.Tx) error {
			return d.store.InSignIn(ctx, rival, ann.User.ID, func(context.Context, login.Tx, login.Entrant) error { return nil })
		}},
		"LoginSession": {fault.NotFound, func(ctx context.Context, tx login.Tx) error {
			_, err := tx.LoginSession(ctx, rival, ann.Session.ID)
			return err
		}},
		"LockSession": {fault.NotFound, func(ctx context.Context, tx login.Tx) error {
			_, err := tx.LockSession(ctx, rival, ann.Session.ID)
			return err
		}},
		"LockInvitation": {fault.NotFound, func(ctx context.Context, tx login.Tx) error {
			_, err := tx.LockInvitation(ctx, rival, invitation.ID)
			return err
		}},
		"SaveUser":         {fault.NotFound, func(ctx context.Context, tx login.Tx) error { return tx.SaveUser(ctx, user) }},
		"SavePassword":     {fault.NotFound, func(ctx context.Context, tx login.Tx) error { return tx.SavePassword(ctx, rival, ann.User.ID, "x") }},
		"SaveInvitation":   {fault.NotFound, func(ctx context.Context, tx login.Tx) error { return tx.SaveInvitation(ctx, taken) }},
		"SaveLoginSession": {fault.Conflict, func(ctx context.Context, tx login.Tx) error { return tx.SaveLoginSession(ctx, session) }},
	}
	for name, tt := range tests {
		var err error
		_ = d.store.InTx(ctx, func(ctx context.Context, tx login.Tx) error {
			err = tt.try(ctx, tx)
			return nil // so that what it did would stay
		})
		wantFaultNamed(t, name, err, tt.code)
	}
	if _, err := d.store.Invitation(ctx, rival, invitation.ID); fault.Of(err) == nil || fault.Of(err).Code != fault.NotFound {
		t.Errorf("Invitation: %v", err)
	}
	if list, err := d.store.Invitations(ctx, rival, noon); err != nil || len(list) != 0 {
		t.Errorf("Invitations: %v, %v", list, err)
	}
	if list, err := d.store.Invitations(ctx, acme, noon); err != nil || len(list) != 1 || !list[0].AcceptedAt.IsZero() {
		t.Errorf("the account's own invitations: %v, %v", list, err)
	}
	if after, err := d.store.PasswordOf(ctx, acme, ann.User.ID); err != nil || after != hash {
		t.Errorf("the password is changed, %v", err)
	}
	if after, err := d.store.User(ctx, acme, ann.User.ID); err != nil || !cmp.Equal(ann.User, after, byText) {
		t.Errorf("the user is %+v, was %+v, %v", after, ann.User, err)
	}
	if after, err := d.store.LoginSession(ctx, acme, ann.Session.ID); err != nil || !cmp.Equal(ann.Session, after, byText) {
		t.Errorf("the login session is %+v, was %+v, %v", after, ann.Session, err)
	}
}
