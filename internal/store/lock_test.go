package store_test

import (
	"testing"
	"time"

	"github.com/uptrace/bun"

	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/tree"
)

// whileWaiting holds what before locks in a transaction, has wait wait for it, and
// commits when it does. It returns what wait returned.
func (b *treeBundle) whileWaiting(t *testing.T, before func(tx bun.Tx) error, wait func() error) error {
	t.Helper()
	tx, err := b.db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if err := before(tx); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- wait() }()
	b.untilWaiting(t, func() {
		select {
		case err := <-done:
			t.Fatalf("it did not wait: %v", err)
		default:
		}
	})
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return <-done
}

// untilWaiting returns when somebody waits for a lock in the test's database. Before
// each look it calls check, which fails the test if nobody will.
func (b *treeBundle) untilWaiting(t *testing.T, check func()) {
	t.Helper()
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for waiting := false; !waiting; {
		<-poll.C
		check()
		err := b.db.NewRaw("SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')").Scan(t.Context(), &waiting)
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestTrees_WhoWaitsForATreeReadsItAsItIsThen(t *testing.T) {
	t.Parallel()
	setup := func(t *testing.T) (b *treeBundle, created *tree.Tree, shelf tree.Category, edit func(tx bun.Tx) error) {
		b = openTrees(t)
		created = b.create(t, b.acme.Engineer, "tree")
		shelf, err := b.service.CreateCategory(t.Context(), b.acme.Engineer, "Network")
		if err != nil {
			t.Fatal(err)
		}
		return b, created, shelf, func(tx bun.Tx) error {
			_, err := tx.ExecContext(t.Context(), "UPDATE trees SET category_id = ?, saved_by = ?, revision = revision + 1 WHERE id = ?", shelf.ID, b.acme.Colleague.UserID, created.ID)
			return err
		}
	}
	t.Run("with its new category", func(t *testing.T) {
		t.Parallel()
		b, created, shelf, edit := setup(t)
		var archived *tree.Tree
		err := b.whileWaiting(t, edit, func() (err error) {
			archived, err = b.service.ArchiveTree(t.Context(), b.acme.Engineer, created.ID, tree.AllTreeFields)
			return err
		})
		if err != nil || archived.Status != tree.Archived || archived.Category != shelf || archived.Revision != created.Revision+2 {
			t.Errorf("archived %+v, %v", archived, err)
		}
	})
	t.Run("with who saved it", func(t *testing.T) {
		t.Parallel()
		b, created, _, edit := setup(t)
		title := "mine"
		err := b.whileWaiting(t, edit, func() error {
			_, err := b.service.UpdateTree(t.Context(), b.acme.Engineer, created.ID, created.Revision, tree.TreeChange{Title: &title}, 0)
			return err
		})
		f := wantFault(t, err, fault.Conflict)
		if f.Extensions["savedBy"] != "carl" {
			t.Errorf("the conflict says %v", f.Extensions)
		}
	})
	t.Run("with its first version", func(t *testing.T) {
		t.Parallel()
		b, created, _, _ := setup(t)
		publish := func(tx bun.Tx) error {
			_, err := tx.ExecContext(t.Context(), `
				INSERT INTO tree_versions (account_id, tree_id, number, title, description, graph, node_count, change_note, published_by, published_at)
				SELECT account_id, id, 1, title, description, draft, draft_node_count, '', author_id, updated_at FROM trees WHERE id = ?`, created.ID)
			if err == nil {
				_, err = tx.ExecContext(t.Context(), "UPDATE trees SET status = 'PUBLISHED', published_version = 1 WHERE id = ?", created.ID)
			}
			return err
		}
		var session *tree.Session
		err := b.whileWaiting(t, publish, func() (err error) {
			session, err = b.service.Start(t.Context(), b.acme.Engineer, tree.NewSession{Tree: created.ID}, tree.AllSessionFields)
			return err
		})
		if err != nil || session.Version.Number != 1 {
			t.Errorf("started %+v, %v", session, err)
		}
	})
}
