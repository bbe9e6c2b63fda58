package tree

import (
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/branchline/branchline/internal/account"
	"github.com/branchline/branchline/internal/fault"
	"github.com/branchline/branchline/internal/id"
)

// Bounds of what is kept of a client, in characters. MaxClient bounds its name and
// each alias.
const (
	MaxAliases   = 20
	MaxTicketKey = 100
	MaxFacts     = 40
	MaxFact      = 500 // of one fact's text
)

type clientKind struct{}

func (clientKind) Prefix() string { return "clnt" }
func (clientKind) Noun() string   { return "client" }

// ClientID identifies a client.
type ClientID = id.Of[clientKind]

// Client is somebody whose faults are looked for. It goes by its name, by aliases
// and by its key in the ticket system; within an account no two clients share one
// of these, see NameKeys.
type Client struct {
	AccountID account.ID
	ID        ClientID

	Name      string
	Aliases   []string     // other names and spellings, in the order given
	TicketKey string       // its key in the ticket system; may be empty
	Facts     []ClientFact // in the order of their names

	Revision  int // rises with every change
	CreatedAt time.Time
	UpdatedAt time.Time
}

// ClientFact is something that steps show about a client, such as its gateway.
type ClientFact struct {
	Name string // as in {{client.vpn}}: formed like a field's name; never "name"
	Text string // one line, 1 to MaxFact characters
}

// nameFact is the fact that every client has: its name.
const nameFact = "name"

// ClientChange is what to change of a client. A nil field stays as it is.
type ClientChange struct {
	Name      *string
	Aliases   *[]string // all of them
	TicketKey *string   // empty removes it
	Facts     *[]ClientFact
}

// update changes what the change names. All that breaks a bound comes back at
// once, as BadUserInput faults joined together; then nothing is changed. An alias
// that says nothing new is left out.
func (c *Client) update(change ClientChange) error {
	to, wrong := *c, []error{}
	var err error
	if change.Name != nil {
		to.Name, err = requireLine("input.name", *change.Name, MaxClient)
		wrong = append(wrong, err)
	}
	if change.TicketKey != nil {
		to.TicketKey, err = cleanLine("input.ticketKey", *change.TicketKey, MaxTicketKey)
		wrong = append(wrong, err)
	}
	if change.Aliases != nil {
		to.Aliases = nil
		for i, alias := range (*change.Aliases)[:min(len(*change.Aliases), MaxAliases+1)] {
			alias, err = requireLine(at("input.aliases", i), alias, MaxClient)
			to.Aliases, wrong = append(to.Aliases, alias), append(wrong, err)
		}
	}
	if change.Facts != nil {
		to.Facts, err = cleanFacts(*change.Facts)
		wrong = append(wrong, err)
	}
	if to.Aliases = to.newAliases(); len(to.Aliases) > MaxAliases {
		wrong = append(wrong, fault.Input("input.aliases", "A client has at most %d aliases. Leave some out.", MaxAliases))
	}
	if err := errors.Join(wrong...); err != nil {
		return err
	}
	*c = to
	return nil
}

// newAliases returns the aliases by which the client is not found already.
func (c *Client) newAliases() []string {
	known := NameKeys(c.Name)
	var aliases []string
	for _, alias := range c.Aliases {
		keys := NameKeys(alias)
		if slices.ContainsFunc(keys, func(k string) bool { return !slices.Contains(known, k) }) {
			aliases, known = append(aliases, alias), append(known, keys...)
		}
	}
	return aliases
}

// cleanFacts returns facts in the order of their names. All that is wrong comes
// back at once.
func cleanFacts(given []ClientFact) ([]ClientFact, error) {
	if len(given) > MaxFacts {
		return nil, fault.Input("input.facts", "A client has at most %d facts. Leave some out.", MaxFacts)
	}
	facts, wrong := make([]ClientFact, 0, len(given)), []error{}
	for i, f := range given {
		path := at("input.facts", i)
		text, err := requireLine(path+".text", f.Text, MaxFact)
		wrong = append(wrong, err)
		switch {
		case f.Name == nameFact:
			wrong = append(wrong, fault.Input(path+".name", "This is what the client's own name is shown by. Choose another name."))
		case !validName(f.Name):
			wrong = append(wrong, fault.Input(path+".name", "A fact's name is a lower case letter and at most %d more of a–z, 0–9 and _.", MaxFieldName-1))
		case slices.ContainsFunc(facts, func(g ClientFact) bool { return g.Name == f.Name }):
			wrong = append(wrong, fault.Input(path+".name", "There is a fact of this name already. Give each a name of its own."))
		default:
			facts = append(facts, ClientFact{f.Name, text})
		}
	}
	slices.SortFunc(facts, func(a, b ClientFact) int { return strings.Compare(a.Name, b.Name) })
	return facts, errors.Join(wrong...)
}

// absorb takes over what another client goes by and is known for. Where both have
// a ticket key, the other one's becomes an alias; where both have a fact, this
// one's stays. More than a client can have is a Conflict.
func (c *Client) absorb(other *Client) error {
	aliases := slices.Concat(c.Aliases, []string{other.Name}, other.Aliases)
	switch {
	case c.TicketKey == "":
		c.TicketKey = other.TicketKey
	case other.TicketKey != "":
		aliases = append(aliases, other.TicketKey)
	}
	c.Aliases = aliases
	if c.Aliases = c.newAliases(); len(c.Aliases) > MaxAliases {
		return fault.New(fault.Conflict, "Together they have %d aliases; a client has at most %d. Remove some first.", len(c.Aliases), MaxAliases)
	}
	facts := slices.Clone(c.Facts)
	for _, f := range other.Facts {
		if !slices.ContainsFunc(facts, func(g ClientFact) bool { return g.Name == f.Name }) {
			facts = append(facts, f)
		}
	}
	if len(facts) > MaxFacts {
		return fault.New(fault.Conflict, "Together they have %d facts; a client has at most %d. Remove some first.", len(facts), MaxFacts)
	}
	slices.SortFunc(facts, func(a, b ClientFact) int { return strings.Compare(a.Name, b.Name) })
	c.Facts = facts
	return nil
}

// expect returns a Conflict that carries revision and savedAt unless the client is
// at that revision.
func (c *Client) expect(revision int) error {
	if c.Revision == revision {
		return nil
	}
	return fault.New(fault.Conflict, "This client is at revision %d, not %d. Read it again, then try again.", c.Revision, revision).
		With("revision", c.Revision).
		With("savedAt", c.UpdatedAt.UTC().Format(time.RFC3339Nano))
}

// saved counts a change. The client's times never run backwards.
func (c *Client) saved(now time.Time) {
	c.Revision++
	if now.After(c.UpdatedAt) {
		c.UpdatedAt = now
	}
}

// NameKind says which of a client's names one is.
type NameKind string

// The kinds of names.
const (
	ProperName NameKind = "NAME"
	Alias      NameKind = "ALIAS"
	TicketKey  NameKind = "TICKET_KEY" // found only whole
)

// ClientName is a form in which a client is found.
type ClientName struct {
	Key  string
	Kind NameKind
}

// Names returns all forms in which the client is found, each once.
func (c *Client) Names() []ClientName {
	var names []ClientName
	add := func(kind NameKind, text string) {
		for _, key := range NameKeys(text) {
			if !slices.ContainsFunc(names, func(n ClientName) bool { return n.Key == key }) {
				names = append(names, ClientName{key, kind})
			}
		}
	}
	add(ProperName, c.Name)
	for _, alias := range c.Aliases {
		add(Alias, alias)
	}
	add(TicketKey, c.TicketKey)
	return names
}

// maxNameKey bounds a form of a name, in bytes: some characters stand for many,
// and the database's index takes 2,700. Names that are alike so far are one.
const maxNameKey = 800

// nameMarks are characters that telephones and word processors put in place of
// those on a keyboard.
var nameMarks = strings.NewReplacer("’", "'", "‘", "'", "‐", "-", "‑", "-", "–", "-", "—", "-")

// NameKeys returns the forms in which a client's name is looked for: in lower case,
// without accents and needless spaces, with umlauts as one letter and, where that
// is another form, as two. "Müller" is found as "muller" and as "Mueller". Two
// names that have a form in common are one. Of an empty name there are none.
func NameKeys(name string) []string {
	name = strings.Join(strings.Fields(nameMarks.Replace(name)), " ")
	if name == "" {
		return nil
	}
	plain, spelled := foldLetters(name, func(rune) bool { return true })
	if plain == "" { // accents alone
		plain, spelled = fold(name), fold(name)
	}
	if plain, spelled = cutKey(plain), cutKey(spelled); plain == spelled {
		return []string{plain}
	}
	return []string{plain, spelled}
}

func cutKey(key string) string {
	if len(key) <= maxNameKey {
		return key
	}
	n := maxNameKey
	for !utf8.RuneStart(key[n]) {
		n--
	}
	return key[:n]
}
