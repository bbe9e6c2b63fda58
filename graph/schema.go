package graph

import "strings"

// Schema returns the text of the schema, as schema.graphqls has it.
func Schema() string {
	var text strings.Builder
	for _, source := range sources {
		if !source.BuiltIn {
			text.WriteString(source.Input)
		}
	}
	return text.String()
}
