package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/config"
	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/pgtest"
	"github.com/branchline/branchline/internal/tree"
	"github.com/branchline/branchline/internal/tree/samples"
)

const (
	demoOwner  = "owner@demo.example"
	otherOwner = "olga@other.example"
)

// bulk is a database with the demo account and an empty one, at DATABASE_URL.
type bulk struct {
	*app
	demo, other account.Actor // their owners
}

func newBulk(t *testing.T) *bulk {
	t.Helper()
	withoutSettings(t)
	t.Setenv("DATABASE_URL", pgtest.URL(t))
	t.Setenv("BRANCHLINE_KEYS", string(login.NewKey()))
	loaded, err := config.Load(config.Serve, config.Source{Environ: os.Environ()})
	if err != nil {
		t.Fatal(err)
	}
	p, err := assemble(t.Context(), loaded.Settings, newLogger(loaded.Log, t.Output()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.close)
	if made, err := p.loadDemo(t.Context()); !made || err != nil {
		t.Fatalf("the demo account: %v, %v", made, err)
	}
	other, err := p.logins.Register(t.Context(), login.RegisterInput{AccountName: "Other IT", Name: "Olga", Email: otherOwner, Password: "correct horse battery"})
	if err != nil {
		t.Fatal(err)
	}
	demo, _, err := p.logins.Store.Credentials(t.Context(), demoOwner)
	if err != nil {
		t.Fatal(err)
	}
	return &bulk{p, account.Actor{AccountID: demo.AccountID, UserID: demo.ID, Role: demo.Role}, callerOf(other).Actor}
}

// create makes a tree from an outline.
func (b *bulk) create(t *testing.T, outline string, publish bool) *tree.Tree {
	t.Helper()
	done, err := b.trees.ImportTree(t.Context(), b.demo, tree.MarkdownFile, outline, tree.AllTreeFields)
	if err != nil || done.Tree == nil {
		t.Fatalf("create: %v, %+v", err, done.Problems)
	}
	if publish {
		result, err := b.trees.PublishTree(t.Context(), b.demo, done.Tree.ID, done.Tree.Revision, "", tree.AllTreeFields)
		if err != nil || result.Version == 0 {
			t.Fatalf("publish: %v, %+v", err, result.Problems)
		}
		return result.Tree
	}
	return done.Tree
}

// titled returns all trees of an account by their titles.
func (b *bulk) titled(t *testing.T, actor account.Actor) map[string]*tree.Tree {
	t.Helper()
	o := &operator{account: account.Account{ID: actor.AccountID}, user: account.User{ID: actor.UserID, Role: actor.Role}, trees: b.trees}
	list, err := o.list(t.Context(), exportOptions{statuses: []tree.Status{tree.Draft, tree.Published, tree.Archived}})
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]*tree.Tree{}
	for _, one := range list {
		if all[one.Title] != nil {
			t.Errorf("two trees are called %q", one.Title)
		}
		if all[one.Title], err = b.trees.Tree(t.Context(), actor, one.ID, tree.AllTreeFields); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// succeed runs a command line that has to work.
func succeed(t *testing.T, args ...string) (stdout, stderr string) {
	t.Helper()
	code, stdout, stderr := program(t, args...)
	if code != exitOK {
		t.Fatalf("branchline %s: exit %d\n%s%s", strings.Join(args, " "), code, stdout, stderr)
	}
	return stdout, stderr
}

const (
	innerOutline = "# Inner\n\n## Is it on?\n\n- Yes → Resolved: It is on\n- No → Escalate: Call somebody\n\n## Resolved: It is on\n\nSay so.\n\n## Escalate: Call somebody\n\nSay why.\n"
	outerOutline = "# Outer\n\nTags: routine\n\n## Subtree: Look inside\n\nTree: [x](%s)\n\n→ Resolved: Looked\n\n## Resolved: Looked\n\nSay what you saw.\n"
)

func outer(title string, inner tree.ID) string {
	return strings.Replace(fmt.Sprintf(outerOutline, inner), "# Outer", "# "+title, 1)
}

// All samples, trees that lead through others, one of which is archived, and drafts
// that nobody has finished go to another account and are the same there.
func TestExportImport_RoundTripToAnotherAccount(t *testing.T) {
	for _, format := range []string{"json", "markdown"} {
		t.Run(format, func(t *testing.T) {
			b := newBulk(t)
			ctx := t.Context()
			inner := b.create(t, innerOutline, true)
			b.create(t, outer("A way through", inner.ID), true) // comes before Inner in every order but the right one
			old := b.create(t, strings.Replace(innerOutline, "# Inner", "# Old", 1), true)
			b.create(t, outer("Through the old one", old.ID), true)
			if _, err := b.trees.ArchiveTree(ctx, b.demo, old.ID, 0); err != nil {
				t.Fatal(err)
			}
			b.create(t, outer("Unfinished way", inner.ID), false)
			due := b.now().AddDate(0, 6, 0)
			if _, err := b.trees.CreateTree(ctx, b.demo, tree.NewTree{Title: "Begun", ReviewBy: due}, 0); err != nil {
				t.Fatal(err)
			}
			halfDone := tree.Graph{Root: "a", Nodes: []tree.Node{{ID: "a", Kind: tree.Decision, Title: "Is it on?", Options: []tree.Option{{ID: "y", Label: "Yes", Target: "b"}}}, {ID: "b", Kind: tree.Action, Title: "Go on"}}}
			if _, err := b.trees.CreateTree(ctx, b.demo, tree.NewTree{Title: "Half done", Graph: halfDone}, 0); err != nil {
				t.Fatal(err)
			}

			stdout, stderr := succeed(t, "export", "--account", demoOwner, "--format", format, "backup")
			want := b.titled(t, b.demo)
			drafts := len(want) - len(samples.All()) - 4
			if text := fmt.Sprintf("%d trees are written to backup: %d versions, %s.\n", len(want), len(want)-drafts, count(drafts, "draft")); stdout != text || stderr != "" {
				t.Errorf("export says %q, %q; want %q", stdout, stderr, text)
			}

			stdout, stderr = succeed(t, "import", "--account", otherOwner, "--publish", "backup")
			got := b.titled(t, b.other)
			if text := fmt.Sprintf("%d trees made, 0 changed, 0 as they were; %d published, 1 archived.\n", len(want), len(want)-drafts); stdout != text {
				t.Errorf("import says %q, want %q", stdout, text)
			}
			if text := fmt.Sprintf("Warning: %s cannot own trees in this account. %s answers for %d trees.\n", demoOwner, otherOwner, len(want)); !strings.Contains(stderr, text) {
				t.Errorf("import warns\n%s\nwant %q", stderr, text)
			}
			var before, after []tree.Category
			var err error
			if before, err = b.trees.Categories(ctx, b.demo); err != nil {
				t.Fatal(err)
			}
			if after, err = b.trees.Categories(ctx, b.other); err != nil {
				t.Fatal(err)
			}
			ignored := cmpopts.IgnoreFields(tree.Category{}, "AccountID", "ID")
			if diff := cmp.Diff(before, after, ignored); diff != "" {
				t.Errorf("categories (-want +got):\n%s", diff)
			}
			for title, w := range want {
				g := got[title]
				if g == nil {
					t.Errorf("%q did not arrive", title)
					continue
				}
				for i := range w.Graph.Nodes { // ids differ from account to account
					if n := &w.Graph.Nodes[i]; n.Kind == tree.Subtree {
						there, err := b.trees.Tree(ctx, b.demo, n.Tree, tree.TreeTitle)
						if err != nil {
							t.Fatal(err)
						}
						n.Tree = got[there.Title].ID
					}
				}
				if g.Status == tree.Published {
					v, err := b.trees.Version(ctx, b.other, g.ID, 1, tree.VersionGraph)
					if err != nil {
						t.Fatal(err)
					}
					for _, n := range v.Graph.Nodes {
						if n.Kind == tree.Subtree && n.Version != 1 {
							t.Errorf("%q is pinned to version %d", title, n.Version)
						}
					}
				}
				if diff := cmp.Diff(w, g, cmpopts.EquateEmpty(), ignored,
					cmpopts.IgnoreFields(tree.Tree{}, "AccountID", "ID", "Author", "Owner", "SavedBy", "CreatedAt", "UpdatedAt", "Revision")); diff != "" {
					t.Errorf("%q (-want +got):\n%s", title, diff)
				}
			}

			// Once more, from there: what the samples say has not moved.
			succeed(t, "export", "--account", otherOwner, "--format", format, "again")
			for _, sample := range samples.All() {
				file, _ := tree.ParseMarkdown(sample.Content)
				names, err := filepath.Glob("again/" + strings.TrimSuffix(fileName(file.Title, tree.ID{}, "x"), (tree.ID{}).String()+".x") + "tree_*")
				if err != nil || len(names) != 1 {
					t.Fatalf("%s is in the files %v, %v", sample.Name, names, err)
				}
				text, err := os.ReadFile(names[0])
				if err != nil {
					t.Fatal(err)
				}
				again, problems, err := tree.ParseFile(formatOf(names[0]), string(text))
				if err != nil || tree.HasErrors(problems) {
					t.Fatalf("%s: %v %+v", names[0], err, problems)
				}
				if diff := cmp.Diff(file, again, cmpopts.EquateEmpty()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", sample.Name, diff)
				}
			}
			left, err := filepath.Glob("*/.branchline-*")
			if err != nil || len(left) > 0 {
				t.Errorf("temporary files are left: %v, %v", left, err)
			}
		})
	}
}

func TestImport_ErrorsAreNamedAndChangeNothing(t *testing.T) {
	b := newBulk(t)
	stranger := b.create(t, innerOutline, true)
	if err := os.Mkdir("new", 0o755); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"good.md":     strings.Replace(innerOutline, "# Inner", "# Good", 1),
		"nowhere.md":  "# Nowhere\n\n## Is it on?\n\n- Yes → Resolved: It is on\n- No → Buy one\n",
		"broken.json": "{\n  \"format\": \"branchline-tree/1\",\n  \"root\": 7\n}\n",
		"strange.md":  outer("Strange", stranger.ID), // of another account
		"notes.txt":   "no tree",
	} {
		if err := os.WriteFile(filepath.Join("new", name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	problems := "new/broken.json:1:1: The member \"nodes\" is missing here. Add it.\n" +
		"new/broken.json:3:11: A text in quotation marks has to stand here.\n" +
		"new/nowhere.md:6:8: No node is called \"Buy one\". Add a heading with this name, or correct it.\n" +
		"new/strange.md:7:11: There is no tree with this id, neither in the account nor among the files. Import it too, or choose another one.\n"
	errorsOf := func(stderr string) string {
		var b strings.Builder
		for line := range strings.Lines(stderr) {
			if !strings.Contains(line, ": warning: ") {
				b.WriteString(line)
			}
		}
		return b.String()
	}
	for _, extra := range [][]string{nil, {"--dry-run"}, {"--publish"}, {"--update"}} {
		code, stdout, stderr := program(t, append([]string{"import", "--account", otherOwner, "new"}, extra...)...)
		if diff := cmp.Diff(problems+"3 files with errors. Nothing was changed.\n", errorsOf(stderr)); code != exitFailure || stdout != "" || diff != "" {
			t.Errorf("import %v: exit %d, %q, stderr (-want +got):\n%s", extra, code, stdout, diff)
		}
		if all := b.titled(t, b.other); len(all) != 0 {
			t.Fatalf("import %v made %d trees", extra, len(all))
		}
	}
	code, stdout, stderr := program(t, "import", "--account", otherOwner, "--keep-going", "--publish", "new")
	if diff := cmp.Diff(problems+"3 of 4 files have errors and are left out.\n", errorsOf(stderr)); code != exitFailure || diff != "" {
		t.Errorf("exit %d, stderr (-want +got):\n%s", code, diff)
	}
	if want := "1 tree made, 0 changed, 0 as they were; 1 published, 0 archived.\n"; stdout != want {
		t.Errorf("stdout = %q, want %q", stdout, want)
	}
	all := b.titled(t, b.other)
	if len(all) != 1 || all["Good"] == nil || all["Good"].Status != tree.Published || all["Good"].Revision != 2 {
		t.Errorf("trees = %+v", all)
	}
	entries, err := b.logins.Store.AuditLog(t.Context(), b.other.AccountID, login.AuditFilter{}, login.AuditMark{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(entries, func(e *login.AuditLine) bool { return e.Entry.Action == account.TreePublished })
	if i < 0 || entries[i].Entry.Details["operator"] != "branchline import" || entries[i].By == nil || entries[i].By.ID != b.other.UserID {
		t.Errorf("the audit log has %+v", entries)
	}
}

// What publishing would refuse is found before anything is made.
func TestImport_PublishRefusesCirclesBeforeAnythingIsMade(t *testing.T) {
	b := newBulk(t)
	one, two := b.create(t, innerOutline, false), b.create(t, strings.Replace(innerOutline, "# Inner", "# Second", 1), false)
	for name, text := range map[string]string{
		fileName("One", one.ID, "md"): outer("One", two.ID),
		fileName("Two", two.ID, "md"): outer("Two", one.ID),
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	code, _, stderr := program(t, "import", "--account", otherOwner, "--publish", ".")
	if !strings.Contains(stderr, fileName("One", one.ID, "md")+":7:11: This leads through the tree itself again") || code != exitFailure {
		t.Errorf("exit %d, stderr\n%s", code, stderr)
	}
	if all := b.titled(t, b.other); len(all) != 0 {
		t.Errorf("%d trees were made", len(all))
	}
	// As drafts they may, and lead to one another in their new account.
	succeed(t, "import", "--account", otherOwner, ".")
	all := b.titled(t, b.other)
	if got := all["One"].Graph.Nodes[0].Tree; got != all["Two"].ID || got == two.ID {
		t.Errorf("One leads through %s, Two is %s", got, all["Two"].ID)
	}
}

// The bounds of trees within one another are those of publishing: as many as import
// lets through can be published.
func TestImport_PublishRefusesTreesTooDeepWithinOneAnother(t *testing.T) {
	b := newBulk(t)
	inner := b.create(t, innerOutline, false)
	ids := []tree.ID{inner.ID}
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(fileName("t", inner.ID, "md"), innerOutline)
	for i := range tree.MaxSubtreeDepth + 1 {
		id := b.create(t, strings.Replace(innerOutline, "# Inner", fmt.Sprintf("# Id %d", i), 1), false).ID
		write(fileName("t", id, "md"), outer(fmt.Sprintf("Depth %d", i+1), ids[i]))
		ids = append(ids, id)
	}
	last := fileName("t", ids[len(ids)-1], "md")
	code, stdout, stderr := program(t, "import", "--account", otherOwner, "--publish", ".")
	want := fmt.Sprintf("%s:7:11: This leads through %d trees within one another; at most %d are allowed. Choose another tree.\n1 file with errors. Nothing was changed.\n", last, tree.MaxSubtreeDepth+1, tree.MaxSubtreeDepth)
	if code != exitFailure || stdout != "" || stderr != want {
		t.Errorf("exit %d, %q, stderr\n%swant\n%s", code, stdout, stderr, want)
	}
	if err := os.Remove(last); err != nil {
		t.Fatal(err)
	}
	stdout, _ = succeed(t, "import", "--account", otherOwner, "--publish", ".")
	if want := fmt.Sprintf("%d trees made, 0 changed, 0 as they were; %[1]d published, 0 archived.\n", tree.MaxSubtreeDepth+1); stdout != want {
		t.Errorf("%q, want %q", stdout, want)
	}
}

func TestImport_UpdateChangesWhatChanged(t *testing.T) {
	b := newBulk(t)
	succeed(t, "export", "--account", demoOwner, "backup")
	before := b.titled(t, b.demo)
	stdout, _ := succeed(t, "import", "--account", demoOwner, "--update", "--publish", "backup")
	if want := "0 trees made, 0 changed, 8 as they were; 0 published, 0 archived.\n"; stdout != want {
		t.Errorf("unchanged files: %q, want %q", stdout, want)
	}
	if diff := cmp.Diff(before, b.titled(t, b.demo)); diff != "" {
		t.Errorf("unchanged files changed (-want +got):\n%s", diff)
	}

	locked := before["Account locked out or second factor lost"]
	path := filepath.Join("backup", fileName(locked.Title, locked.ID, "json"))
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), quoted(locked.Description), `"Changed."`, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove("backup/" + manifestName); err != nil { // the name says the id as well
		t.Fatal(err)
	}
	code, stdout, stderr := program(t, "import", "--account", demoOwner, "--user", "engineer@demo.example", "--update", "--publish", "--dry-run", "backup")
	if want := "0 trees would be made, 8 trees looked at for changes, at most 8 published. Nothing was changed.\n"; stdout != want || code != exitOK {
		t.Errorf("dry run: exit %d, %q %s", code, stdout, stderr)
	}
	if diff := cmp.Diff(before, b.titled(t, b.demo)); diff != "" {
		t.Errorf("a dry run changed (-want +got):\n%s", diff)
	}
	stdout, _ = succeed(t, "import", "--account", demoOwner, "--user", "engineer@demo.example", "--update", "--publish", "backup")
	if want := "0 trees made, 1 changed, 7 as they were; 1 published, 0 archived.\n"; stdout != want {
		t.Errorf("one changed file: %q, want %q", stdout, want)
	}
	for title, now := range b.titled(t, b.demo) {
		switch was := before[title]; {
		case now.ID != locked.ID:
			if now.Revision != was.Revision {
				t.Errorf("%q is at revision %d, was at %d", title, now.Revision, was.Revision)
			}
		case now.Description != "Changed." || now.PublishedVersion != 2 || now.SavedBy.Email != "engineer@demo.example" || now.Category.ID != was.Category.ID || now.Owner.ID != was.Owner.ID:
			t.Errorf("%q is now %+v", title, now)
		}
	}
	// Without --update the same files make new trees.
	stdout, _ = succeed(t, "import", "--account", demoOwner, path)
	if want := "1 tree made, 0 changed, 0 as they were; 0 published, 0 archived.\n"; stdout != want {
		t.Errorf("without --update: %q, want %q", stdout, want)
	}
}

func TestExport_ReplacesOnlyWhenToldTo(t *testing.T) {
	b := newBulk(t)
	succeed(t, "export", "--account", demoOwner, "--status=published", "backup")
	if err := os.WriteFile("backup/mine.txt", []byte("stays"), 0o600); err != nil {
		t.Fatal(err)
	}
	list := func() []string {
		entries, err := os.ReadDir("backup")
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, entry := range entries {
			names = append(names, entry.Name())
		}
		return names
	}
	before := list()
	code, stdout, stderr := program(t, "export", "--account", demoOwner, "backup")
	if want := "There is an export in backup already: it has a file manifest.json. Choose another folder, or replace that export by --force.\n"; code != exitFailure || stdout != "" || stderr != want {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
	renamed := b.titled(t, b.demo)["Account locked out or second factor lost"]
	title := "A new name"
	if _, err := b.trees.UpdateTree(t.Context(), b.demo, renamed.ID, renamed.Revision, tree.TreeChange{Title: &title}, 0); err != nil {
		t.Fatal(err)
	}
	succeed(t, "export", "--account", b.demo.AccountID.String(), "--drafts", "--force", "backup")
	want := slices.DeleteFunc(before, func(name string) bool { return name == fileName(renamed.Title, renamed.ID, "json") })
	want = append(want, fileName(title, renamed.ID, "json"))
	slices.Sort(want)
	if diff := cmp.Diff(want, list()); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
	text, err := os.ReadFile("backup/manifest.json")
	if err != nil {
		t.Fatal(err)
	}
	var m manifest
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(m.Trees, func(l listed) bool { return l.ID == renamed.ID })
	want1 := listed{
		ID: renamed.ID, File: fileName(title, renamed.ID, "json"), Title: title, Status: tree.Published, Latest: 1,
		Category: renamed.Category.Name, Owner: person{demoOwner, "Olivia Owner"}, Tags: renamed.Tags,
	}
	if i < 0 || !cmp.Equal(want1, m.Trees[i]) {
		t.Errorf("manifest = %s, want %+v", text, want1)
	}
	// What an outline cannot hold is named, and the others are written.
	none := tree.Graph{Root: "a", Nodes: []tree.Node{{ID: "a", Title: "Of no kind"}}}
	odd, err := b.trees.CreateTree(t.Context(), b.demo, tree.NewTree{Title: "Odd", Graph: none}, 0)
	if err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr = program(t, "export", "--account", demoOwner, "--format=markdown", "outlines")
	wantErr := "Odd (" + odd.ID.String() + "): This tree has errors, or is so large, that a Markdown outline cannot hold it. Mend the errors, or export it as JSON.\n" +
		"1 tree could not be written. Mend what is said of each, or export as JSON.\n"
	if code != exitFailure || stdout != "8 trees are written to outlines: 8 versions, 0 drafts.\n" || stderr != wantErr {
		t.Errorf("exit %d, %q, %q", code, stdout, stderr)
	}
	// Flowcharts go out and do not come back.
	succeed(t, "export", "--account", demoOwner, "--format=mermaid", "charts")
	if code, _, stderr := program(t, "import", "--account", demoOwner, "charts"); code != exitFailure || stderr != "There is no tree to import: no .md, .markdown or .json file is there.\n" {
		t.Errorf("exit %d, %q", code, stderr)
	}
}

func TestBulk_WrongUsageAndStrangers(t *testing.T) {
	newBulk(t)
	if err := os.WriteFile("a.md", []byte(innerOutline), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{[]string{"export", "x"}, exitUsage, "The account is missing. Name it by its id or by an owner's e-mail address: branchline export --account owner@example.com.\n"},
		{[]string{"export", "--account", demoOwner}, exitUsage, "The argument DIR is missing. Write: branchline export DIR.\n"},
		{[]string{"export", "--account", demoOwner, "--format=pdf", "x"}, exitUsage, "There is no format \"pdf\". Choose json, markdown or mermaid.\n"},
		{[]string{"export", "--account", demoOwner, "--status=gone", "x"}, exitUsage, "There is no status \"gone\". Choose from draft, published and archived.\n"},
		{[]string{"export", "--account", "demo", "x"}, exitUsage, "\"demo\" is neither an account's id nor an e-mail address. Write --account acct_… or --account owner@example.com.\n"},
		{[]string{"export", "--account", "nobody@demo.example", "x"}, exitFailure, "Nobody has the e-mail address nobody@demo.example. Correct it, or name the account by its id.\n"},
		{[]string{"export", "--account", "admin@demo.example", "x"}, exitFailure, "admin@demo.example is no owner of an account. Name the account by its id or by an owner's e-mail address.\n"},
		{[]string{"import", "--account", demoOwner}, exitUsage, "The argument FILE is missing. Write: branchline import FILE…, or name a folder.\n"},
		{[]string{"import", "--account", demoOwner, "--user", otherOwner, "a.md"}, exitFailure, otherOwner + " does not belong to the account Demo IT. Choose one of its people.\n"},
		{[]string{"import", "--account", demoOwner, "--user", "viewer@demo.example", "a.md"}, exitFailure, "viewer@demo.example is a viewer and cannot write trees. Choose somebody else by --user.\n"},
		{[]string{"import", "--account", demoOwner, "none"}, exitFailure, "Find what to import: stat none: no such file or directory.\n"},
	} {
		if code, stdout, stderr := program(t, tt.args...); code != tt.code || stdout != "" || stderr != tt.want {
			t.Errorf("%v: exit %d, %q, %q; want exit %d, %q", tt.args, code, stdout, stderr, tt.code, tt.want)
		}
	}
}

func TestManifest_ProblemsHavePlaces(t *testing.T) {
	t.Parallel()
	const head = "{\n  \"format\": \"branchline-export/1\",\n"
	for name, tt := range map[string]struct{ text, want string }{
		"no JSON":          {head + "  oops\n}", "m:3:4: This manifest cannot be read. Invalid character 'o' looking for beginning of object key string."},
		"another format":   {"{\n  \"format\": \"zip\"\n}", "m:2:3: This manifest has the format \"zip\". Manifests of the format \"branchline-export/1\" can be read."},
		"a file elsewhere": {head + "  \"trees\": [{\"id\": \"tree_01jd3s8m4kf2q9v7x0t5w6y8za\", \"status\": \"DRAFT\",\n    \"file\": \"../a.json\"}]}", "m:4:13: \"../a.json\" is no name of a file in this folder. Correct it."},
		"no status":        {head + "  \"trees\": [{\"id\": \"tree_01jd3s8m4kf2q9v7x0t5w6y8za\", \"file\": \"a.json\"}]}", "m:3:21: The tree tree_01jd3s8m4kf2q9v7x0t5w6y8za has the status \"\". Write DRAFT, PUBLISHED or ARCHIVED."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, problems := parseManifest("m", []byte(tt.text))
			if len(problems) != 1 || problems[0].String() != tt.want {
				t.Errorf("problems = %v, want %s", problems, tt.want)
			}
		})
	}
}

// Every command of the operator's page works, in its order.
func TestOperationsPage_BulkCommandsWork(t *testing.T) {
	page, err := os.ReadFile("../../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	newBulk(t)
	_, section, found := strings.Cut(string(page), "\n## Backup and bulk loading\n")
	if !found {
		t.Fatal("the page has no such section")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	if err := os.WriteFile("vpn.md", []byte(innerOutline), 0o600); err != nil {
		t.Fatal(err)
	}
	names := strings.NewReplacer("owner@example.com", demoOwner, "erin@example.com", "engineer@demo.example", "owner@other.example", otherOwner)
	ran := 0
	for _, command := range regexp.MustCompile(`(?m)^bin/branchline (.*)$`).FindAllStringSubmatch(section, -1) {
		line, _, _ := strings.Cut(command[1], " #")
		succeed(t, strings.Fields(names.Replace(line))...)
		ran++
	}
	if ran < 5 {
		t.Errorf("%d commands", ran)
	}
}
