package main

import (
	"fmt"
	"io"
	"runtime/debug"

	"github.com/spf13/cobra"
)

func newVersionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Show the program's version, revision and Go version",
		Args:  exactly(),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return writeVersion(cmd.OutOrStdout(), buildInfo())
		},
	}
}

// buildInfo returns what the Go tool wrote into the program when it built it. It
// is empty, and not nil, for a program that was built in another way.
func buildInfo() *debug.BuildInfo {
	if info, ok := debug.ReadBuildInfo(); ok {
		return info
	}
	return new(debug.BuildInfo)
}

// version returns the program's version in one word.
func version() string { return versionOf(buildInfo()) }

// versionOf returns the module's version. A program that was built from a work
// tree without a release has none, and is told apart by its revision.
func versionOf(info *debug.BuildInfo) string {
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	if revision := setting(info, "vcs.revision"); revision != "" {
		return "devel-" + revision[:min(len(revision), 12)]
	}
	return "devel"
}

func setting(info *debug.BuildInfo, key string) string {
	for _, s := range info.Settings {
		if s.Key == key {
			return s.Value
		}
	}
	return ""
}

func writeVersion(w io.Writer, info *debug.BuildInfo) error {
	revision := setting(info, "vcs.revision")
	switch {
	case revision == "":
		revision = "unknown: built outside a repository"
	case setting(info, "vcs.modified") == "true":
		revision += ", with changes that are not committed"
	}
	_, err := fmt.Fprintf(w, "branchline %s\nrevision   %s\nbuilt with %s for %s/%s\n",
		versionOf(info), revision, info.GoVersion, setting(info, "GOOS"), setting(info, "GOARCH"))
	return err
}
