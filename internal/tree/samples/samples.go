// Package samples holds troubleshooting trees that ship with the program, as the
// Markdown outlines that people write. They fill a demo account. They are written
// by the project from public knowledge; addresses and names in them are those that
// RFC 5737 and RFC 2606 set aside, or private.
package samples

import (
	"embed"
	"fmt"
)

//go:embed *.md
var files embed.FS

// Sample is one tree as a file.
type Sample struct {
	Name    string // the file's, such as "vpn-does-not-connect.md"
	Content string // a Markdown outline
}

// All returns the samples in order of their names.
func All() []Sample {
	entries, err := files.ReadDir(".")
	if err != nil {
		panic(fmt.Sprintf("read the embedded samples: %v", err)) // they are part of the program
	}
	list := make([]Sample, len(entries))
	for i, entry := range entries {
		content, err := files.ReadFile(entry.Name())
		if err != nil {
			panic(fmt.Sprintf("read the embedded sample %s: %v", entry.Name(), err))
		}
		list[i] = Sample{Name: entry.Name(), Content: string(content)}
	}
	return list
}
