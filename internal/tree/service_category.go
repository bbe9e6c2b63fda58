package tree

import (
	"context"
	"slices"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/event"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/id"
)

// MaxTagList is how many of an account's tags are listed. Whoever types a tag
// needs the common ones.
const MaxTagList = 500

// TagCount is a tag and how many trees have it.
type TagCount struct {
	Tag   string
	Trees int // at least 1
}

// Categories reads the account's categories in their order.
func (s *Service) Categories(ctx context.Context, actor account.Actor) ([]Category, error) {
	if err := actor.Require(account.Viewer); err != nil {
		return nil, err
	}
	return s.Store.Categories(ctx, actor.AccountID)
}

// Tags reads the tags of the account's trees, the most used first, at most
// MaxTagList. Archived trees do not count, nor drafts for viewers.
func (s *Service) Tags(ctx context.Context, actor account.Actor) ([]TagCount, error) {
	if err := actor.Require(account.Viewer); err != nil {
		return nil, err
	}
	return s.Store.Tags(ctx, actor.AccountID, formFor(actor), MaxTagList)
}

// CreateCategory adds a category behind the others. Engineers and above may. A
// name that is taken, case aside, is a Conflict, as is one more than
// MaxCategories.
func (s *Service) CreateCategory(ctx context.Context, actor account.Actor, name string) (Category, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return Category{}, err
	}
	name, err := requireLine("input.name", name, MaxCategory)
	if err != nil {
		return Category{}, err
	}
	c := Category{AccountID: actor.AccountID, ID: id.New[categoryKind](), Name: name}
	err = s.inTx(ctx, actor.AccountID, event.Trees, func(ctx context.Context, tx Tx) error {
		all, err := tx.LockCategories(ctx, actor.AccountID)
		if err != nil {
			return err
		}
		if len(all) >= MaxCategories {
			return fault.New(fault.Conflict, "There are %d categories, the most that an account can have. Delete one first.", MaxCategories)
		}
		return tx.InsertCategory(ctx, &c)
	})
	return c, err
}

// RenameCategory gives a category another name. Engineers and above may. A name
// that is taken, case aside, is a Conflict.
func (s *Service) RenameCategory(ctx context.Context, actor account.Actor, id CategoryID, name string) (Category, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return Category{}, err
	}
	name, err := requireLine("input.name", name, MaxCategory)
	if err != nil {
		return Category{}, err
	}
	var renamed Category
	err = s.changeCategories(ctx, actor, account.Engineer, id, func(ctx context.Context, tx Tx, all []Category, i int) error {
		renamed = all[i]
		renamed.Name = name
		return tx.RenameCategory(ctx, renamed)
	})
	return renamed, err
}

// MoveCategory puts a category at a place among the account's, counted from 1;
// a place behind the last one is the last. It returns all of them in their new
// order. Engineers and above may.
func (s *Service) MoveCategory(ctx context.Context, actor account.Actor, id CategoryID, place int) ([]Category, error) {
	if err := actor.Require(account.Engineer); err != nil {
		return nil, err
	}
	if place < 1 {
		return nil, fault.Input("input.position", "Places are counted from 1.")
	}
	var moved []Category
	err := s.changeCategories(ctx, actor, account.Engineer, id, func(ctx context.Context, tx Tx, all []Category, i int) error {
		c := all[i]
		moved = slices.Delete(slices.Clone(all), i, i+1)
		moved = slices.Insert(moved, min(place-1, len(moved)), c)
		ids := make([]CategoryID, len(moved))
		for i := range moved {
			moved[i].Position = i + 1
			ids[i] = moved[i].ID
		}
		return tx.OrderCategories(ctx, actor.AccountID, ids)
	})
	return moved, err
}

// DeleteCategory removes a category. Its trees go on without one; their revisions
// stay. Admins and owners may.
func (s *Service) DeleteCategory(ctx context.Context, actor account.Actor, id CategoryID) error {
	return s.changeCategories(ctx, actor, account.Admin, id, func(ctx context.Context, tx Tx, _ []Category, _ int) error {
		return tx.DeleteCategory(ctx, actor.AccountID, id)
	})
}

// changeCategories locks the account's categories and lets change change the one
// with that id, which stands at i.
func (s *Service) changeCategories(ctx context.Context, actor account.Actor, least account.Role, id CategoryID, change func(ctx context.Context, tx Tx, all []Category, i int) error) error {
	if err := actor.Require(least); err != nil {
		return err
	}
	return s.inTx(ctx, actor.AccountID, event.Trees, func(ctx context.Context, tx Tx) error {
		all, err := tx.LockCategories(ctx, actor.AccountID)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(c Category) bool { return c.ID == id })
		if i < 0 {
			return fault.Missing("tree category")
		}
		return change(ctx, tx, all, i)
	})
}
