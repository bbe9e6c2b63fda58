package graph

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"github.com/branchline/branchline/internal/tree"
)

// selection is the set of fields that a query selects of an object, below the
// field that is being resolved. Fragments, @skip and @include are followed.
type selection map[string][]ast.SelectionSet

// selected returns what the query selects of the present field's object, or, with
// a path, of the objects that the fields named lead to.
func selected(ctx context.Context, path ...string) selection {
	field := graphql.GetFieldContext(ctx)
	if field == nil || !graphql.HasOperationContext(ctx) {
		return nil
	}
	return below(graphql.GetOperationContext(ctx), field.Field.Selections, path...)
}

// below returns what a field's selections select, or, with a path, those of the
// fields named.
func below(op *graphql.OperationContext, set ast.SelectionSet, path ...string) selection {
	sets := []ast.SelectionSet{set}
	for _, name := range path {
		sets = collect(op, sets)[name]
	}
	return collect(op, sets)
}

// collect merges the fields of several selection sets, by name. A fragment on
// any type counts: a field too many costs a column, one too few would be empty.
func collect(op *graphql.OperationContext, sets []ast.SelectionSet) selection {
	out := selection{}
	for _, set := range sets {
		for _, f := range graphql.CollectFields(op, set, everyType(set)) {
			out[f.Name] = append(out[f.Name], f.Selections)
		}
	}
	return out
}

// everyType lists the types that the set's fragments are on.
func everyType(set ast.SelectionSet) []string {
	var types []string
	for _, s := range set {
		switch s := s.(type) {
		case *ast.InlineFragment:
			types = append(types, s.TypeCondition)
			types = append(types, everyType(s.SelectionSet)...)
		case *ast.FragmentSpread:
			types = append(types, s.Definition.TypeCondition)
			types = append(types, everyType(s.Definition.SelectionSet)...)
		}
	}
	return types
}

// plus returns both selections together.
func (s selection) plus(other selection) selection {
	out := selection{}
	for _, one := range []selection{s, other} {
		for name, sets := range one {
			out[name] = slices.Concat(out[name], sets)
		}
	}
	return out
}

var treeColumns = map[string]tree.TreeFields{
	"title": tree.TreeTitle, "description": tree.TreeDescription, "tags": tree.TreeTags, "category": tree.TreeCategory,
	"author": tree.TreeAuthor, "owner": tree.TreeOwner, "savedBy": tree.TreeSavedBy, "nodeCount": tree.TreeNodeCount,
	"reviewBy": tree.TreeReviewBy, "confirmedAt": tree.TreeConfirmed, "confirmedBy": tree.TreeConfirmed,
	"publishedVersion": tree.TreePublishedVersion, "revision": tree.TreeRevision,
	"createdAt": tree.TreeCreatedAt, "updatedAt": tree.TreeUpdatedAt,
	"openOfferCount": tree.TreeOffers,
	"graph":          tree.TreeGraph, "problems": tree.TreeGraph,
}

// treesAsked says what the query asks of a page of trees.
func treesAsked(op *graphql.OperationContext, set ast.SelectionSet) tree.TreeQuery {
	asked := below(op, set)
	_, total := asked["totalCount"]
	_, ends := asked["pageInfo"]
	_, cursors := below(op, set, "edges")["cursor"]
	return tree.TreeQuery{
		Fields:    treeFields(below(op, set, "nodes").plus(below(op, set, "edges", "node"))),
		Total:     total,
		NoCursors: !ends && !cursors,
	}
}

// treePeople are the fields of a tree that are users.
const treePeople = tree.TreeAuthor | tree.TreeOwner | tree.TreeSavedBy | tree.TreeConfirmed

// treeFields says which parts of a tree the query asks for.
func treeFields(s selection) tree.TreeFields {
	var fields tree.TreeFields
	for name, sets := range s {
		fields |= treeColumns[name]
		if treePeople.Any(treeColumns[name]) && slices.ContainsFunc(sets, beyondTheName) {
			fields |= tree.TreePeople
		}
	}
	return fields
}

// beyondTheName says whether more is selected of a user than the id and the name.
// What @skip leaves out counts too.
func beyondTheName(set ast.SelectionSet) bool {
	return slices.ContainsFunc(set, func(s ast.Selection) bool {
		switch s := s.(type) {
		case *ast.Field:
			return s.Name != "id" && s.Name != "name" && s.Name != "__typename"
		case *ast.InlineFragment:
			return beyondTheName(s.SelectionSet)
		case *ast.FragmentSpread:
			return beyondTheName(s.Definition.SelectionSet)
		}
		return false
	})
}

// versionFields says which parts of a version the query asks for.
func versionFields(s selection) tree.VersionFields {
	var fields tree.VersionFields
	if _, asked := s["graph"]; asked {
		fields |= tree.VersionGraph
	}
	if _, asked := s["publishedBy"]; asked {
		fields |= tree.VersionPublisher
	}
	return fields
}

var sessionColumns = map[string]tree.SessionFields{
	"treeId": tree.SessionTree, "treeVersion": tree.SessionTree, "title": tree.SessionTree | tree.SessionSubject,
	"outcome": tree.SessionResult, "reason": tree.SessionResult,
	"ticket": tree.SessionSubject, "clientName": tree.SessionSubject, "client": tree.SessionClient, "subject": tree.SessionSubject,
	"startedBy": tree.SessionStarter, "heldBy": tree.SessionHolder,
	"startedAt": tree.SessionTimes, "endedAt": tree.SessionTimes, "activeSeconds": tree.SessionTimes,
	"step": tree.SessionPosition, "steps": tree.SessionLog, "currentNotes": tree.SessionLog,
	"scratchpad": tree.SessionScratchpad, "scratchpadRevision": tree.SessionScratchpad, "shares": tree.SessionShares,
	"currentNode": tree.SessionCurrentNode, "places": tree.SessionPlaces, "values": tree.SessionValues, "givenValues": tree.SessionValues,
	"escalation": tree.SessionHolder, "suggestions": tree.SessionSuggestions, "events": tree.SessionLog,
}

// sessionFields says which parts of a troubleshooting session the query asks for.
func sessionFields(s selection) tree.SessionFields {
	var fields tree.SessionFields
	for name := range s {
		fields |= sessionColumns[name]
	}
	return fields
}
