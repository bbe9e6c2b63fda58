package store_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"testing"

	"github.com/branchline/branchline/internal/pgtest"
	"github.com/branchline/branchline/internal/store"
	"github.com/branchline/branchline/internal/tree"
)

// TestTrees_AreTheSameThroughAPooler reads and walks with statements that are prepared
// and with such as pass a pooler in transaction mode.
func TestTrees_AreTheSameThroughAPooler(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	open := func(o store.Options) *store.DB {
		db, err := store.Open(t.Context(), url, o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	sent := new(statements)
	b := bundle(t, open(store.Options{Tracer: sent}), sent)
	pooled := &tree.Service{Store: store.NewTrees(open(store.Options{Pooled: true})), Now: b.service.Now, Hints: b.hints}
	ctx, me := t.Context(), b.acme.Engineer

	shelf, err := b.service.CreateCategory(ctx, me, "Network")
	if err != nil {
		t.Fatal(err)
	}
	for _, title := range []string{"Lamp", "Cable's \"end\" \\", "Ünïcode"} {
		id := b.publish(t, me, title).ID
		tags := []string{"a, b", `c"d\e`, title}
		if _, err := pooled.UpdateTree(ctx, me, id, 2, tree.TreeChange{Category: &shelf.ID, Tags: &tags}, 0); err != nil {
			t.Fatal(err)
		}
		if _, err := pooled.ConfirmTree(ctx, me, id, 3, 0); err != nil {
			t.Fatal(err)
		}
	}
	queries := []tree.TreeQuery{{Filter: tree.TreeFilter{Category: shelf.ID, Author: me.UserID, Owner: me.UserID, Text: "lamp"}}, {Page: tree.Page{Last: new(2)}}}
	for _, field := range []tree.TreeOrderField{tree.ByUpdate, tree.ByTitle, tree.ByReview, tree.ByUse} {
		queries = append(queries, tree.TreeQuery{Order: tree.TreeOrder{Field: field, Desc: true}, Page: tree.Page{First: new(2)}})
	}
	for _, q := range queries {
		q.Fields, q.Total = tree.AllTreeFields, true
		for range 2 { // the second page begins at a cursor
			want, err := b.service.Trees(ctx, me, q)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := pooled.Trees(ctx, me, q); err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%+v: through a pooler it reads %+v, %v; else %+v", q, got, err, want)
			}
			if len(want.Edges) == 0 {
				t.Fatalf("%+v finds nothing", q)
			}
			if q.Page.First == nil {
				break
			}
			q.Page.After = want.Edges[len(want.Edges)-1].Cursor
		}
	}

	session, err := pooled.Start(ctx, me, tree.NewSession{Tree: b.publish(t, me, "Walked").ID, Ticket: "T-1", Client: "it's"}, tree.AllSessionFields)
	if err != nil {
		t.Fatal(err)
	}
	step := 0
	for _, do := range []func(tree.Guard) (tree.Recorded, error){
		func(g tree.Guard) (tree.Recorded, error) {
			return pooled.Advance(ctx, me, session.ID, g, tree.Choice{Option: "no", Note: `a "note" \ 'x'`})
		},
		func(g tree.Guard) (tree.Recorded, error) { return pooled.GoBack(ctx, me, session.ID, g, 0) },
		func(g tree.Guard) (tree.Recorded, error) {
			return pooled.AddStep(ctx, me, session.ID, g, tree.NewStep{Title: "Shook it"})
		},
		func(g tree.Guard) (tree.Recorded, error) {
			return pooled.Escalate(ctx, me, session.ID, g, tree.Urgencies()[0], "stuck")
		},
		func(g tree.Guard) (tree.Recorded, error) {
			return pooled.HandOver(ctx, me, session.ID, g, b.acme.Colleague.UserID, "lunch")
		},
	} {
		done, err := do(tree.Guard{ExpectedStep: step})
		if err != nil {
			t.Fatal(err)
		}
		step = done.Session.LastSeq
	}
	want, err := b.service.Session(ctx, b.acme.Colleague, session.ID, tree.AllSessionFields)
	if err != nil || len(want.Log) != step || !slices.Contains(want.People, b.acme.Colleague.UserID) {
		t.Fatalf("%+v, %v", want, err)
	}
	if got, err := pooled.Session(ctx, b.acme.Colleague, session.ID, tree.AllSessionFields); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("through a pooler the session is %+v, %v; else %+v", got, err, want)
	}
}

// TestArrayText_ComesBack writes arrays into PostgreSQL and reads them.
func TestArrayText_ComesBack(t *testing.T) {
	t.Parallel()
	db := pgtest.Open(t)
	for _, list := range [][]string{{}, {""}, {"NULL", "null"}, {"a,b", `"`, `\`, `\"`, "{}", " x ", "ü\n"}} {
		var text string
		if err := db.QueryRowContext(t.Context(), "SELECT array_to_json(?::text[])", store.ArrayText(list)).Scan(&text); err != nil {
			t.Fatal(err)
		}
		var back []string
		if err := json.Unmarshal([]byte(text), &back); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(back, list) {
			t.Errorf("%q came back as %q", list, back)
		}
	}
}
