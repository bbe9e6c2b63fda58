package tree

import (
	"crypto/sha256"
	_ "embed" // the page's style and frame
	"encoding/base64"
	"html/template"
	"strings"
)

var (
	//go:embed export.css
	pageStyle string
	//go:embed export.html
	pageFrame string

	page = template.Must(template.New("record").Funcs(template.FuncMap{"line": visibleLine, "text": visible, "markup": authoredMarkup, "linkWords": linkWords}).Parse(pageFrame))

	// pagePolicy lets the page load nothing and run nothing: only its own style
	// counts, which it knows by its hash.
	pagePolicy = func() string {
		sum := sha256.Sum256([]byte(pageStyle))
		return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; base-uri 'none'; form-action 'none'"
	}()
)

// html writes the record as one page without scripts that needs no other file.
func (r *record) html() string {
	title := recordTitle
	if len(r.facts) > 0 && r.facts[0].Name == "Ticket" {
		title = visibleLine(r.facts[0].Value) + " · " + title
	}
	var b strings.Builder
	err := page.Execute(&b, map[string]any{
		"PageTitle": title, "Title": recordTitle, "Policy": pagePolicy, "Style": template.CSS(pageStyle),
		"Facts": r.facts, "Reason": r.reason, "Steps": r.steps, "Now": r.now, "Solution": r.solution,
		"FollowUp": r.followUp, "Scratchpad": r.scratchpad,
	})
	if err != nil {
		panic("tree: a record cannot be written as HTML: " + err.Error()) // the frame has no part that can fail
	}
	return b.String()
}
