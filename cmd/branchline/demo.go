package main

import (
	"context"
	"errors"
	"fmt"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/login"
	"github.com/branchline/branchline/internal/tree"
	"github.com/branchline/branchline/internal/tree/samples"
)

// demoPassword opens every demo sign-in. `branchline dev` prints it.
const demoPassword = "try the cable first"

// demoPeople are the demo account's users; the first one is its owner.
var demoPeople = []struct {
	name, email string
	role        account.Role
}{
	{"Olivia Owner", "owner@demo.example", account.Owner},
	{"Adam Admin", "admin@demo.example", account.Admin},
	{"Erin Engineer", "engineer@demo.example", account.Engineer},
	{"Victor Viewer", "viewer@demo.example", account.Viewer},
}

// loadDemo makes the demo account with its people and the sample trees, by the
// use cases that everybody goes through. It returns whether the account is there;
// a database with other accounts only is left alone. The end of ctx does not stop it:
// an account that was made by half would be taken for a whole one by the next start,
// and all of it is a second's work.
func (p *app) loadDemo(ctx context.Context) (bool, error) {
	ctx = context.WithoutCancel(ctx)
	_, _, err := p.logins.Store.Credentials(ctx, demoPeople[0].email)
	if err == nil {
		return true, nil
	}
	if !errors.Is(err, fault.NotFound) {
		return false, err
	}
	if any, err := p.db.HasAccounts(ctx); any || err != nil {
		return false, err
	}
	opener := *p.logins
	opener.Settings.RegistrationClosed = false // to strangers
	owner, err := opener.Register(ctx, login.RegisterInput{
		AccountName: "Demo IT", Name: demoPeople[0].name, Email: demoPeople[0].email, Password: demoPassword,
	})
	if err != nil {
		return false, err
	}
	for _, person := range demoPeople[1:] {
		_, token, err := p.logins.Invite(ctx, callerOf(owner), person.email, person.role)
		if err != nil {
			return false, err
		}
		joined, err := p.logins.AcceptInvitation(ctx, login.AcceptInput{Token: token, Name: person.name, Password: demoPassword})
		if err != nil {
			return false, err
		}
		if _, err := p.logins.Logout(ctx, callerOf(joined)); err != nil {
			return false, err
		}
	}
	if err := p.loadSamples(ctx, callerOf(owner).Actor); err != nil {
		return false, err
	}
	_, err = p.logins.Logout(ctx, callerOf(owner))
	return true, err
}

// demoShelves are the demo account's categories, with the samples' files.
var demoShelves = []struct {
	category string
	files    []string
}{
	{"Network", []string{"no-internet-at-a-site.md", "slow-wifi.md", "vpn-does-not-connect.md"}},
	{"Accounts and e-mail", []string{"account-locked-out-or-mfa-lost.md", "e-mail-does-not-arrive.md"}},
	{"Devices", []string{"printer-is-offline.md", "windows-pc-is-slow.md"}},
	{"Servers and cloud", []string{"kubernetes-deployment-not-ready.md"}},
}

// loadSamples imports the sample trees, puts each into its category, and
// publishes it.
func (p *app) loadSamples(ctx context.Context, actor account.Actor) error {
	shelves := map[string]tree.CategoryID{}
	for _, shelf := range demoShelves {
		category, err := p.trees.CreateCategory(ctx, actor, shelf.category)
		if err != nil {
			return fmt.Errorf("make the category %s: %w", shelf.category, err)
		}
		for _, file := range shelf.files {
			shelves[file] = category.ID
		}
	}
	for _, sample := range samples.All() {
		done, err := p.trees.ImportTree(ctx, actor, tree.MarkdownFile, sample.Content, tree.TreeRevision)
		if err != nil {
			return fmt.Errorf("import %s: %w", sample.Name, err)
		}
		if done.Tree == nil {
			return fmt.Errorf("import %s: %+v", sample.Name, done.Problems)
		}
		shelf := shelves[sample.Name]
		shelved, err := p.trees.UpdateTree(ctx, actor, done.Tree.ID, done.Tree.Revision, tree.TreeChange{Category: &shelf}, tree.TreeRevision)
		if err != nil {
			return fmt.Errorf("put %s into its category: %w", sample.Name, err)
		}
		if _, err := p.trees.PublishTree(ctx, actor, shelved.ID, shelved.Revision, "Sample", 0); err != nil {
			return fmt.Errorf("publish %s: %w", sample.Name, err)
		}
	}
	return nil
}

func callerOf(s login.SignIn) login.Caller {
	return login.Caller{
		Actor:     account.Actor{AccountID: s.User.AccountID, UserID: s.User.ID, Role: s.User.Role},
		SessionID: s.Session.ID,
	}
}
