package internal_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	mentionedFile    = regexp.MustCompile("`([a-z][\\w./-]*/[\\w.-]+\\.[a-z]+|schema\\.graphqls)`")
	mentionedTest    = regexp.MustCompile("`(?:([a-z]+)\\.)?((?:Test|Fuzz)\\w+)`")
	mentionedBrowser = regexp.MustCompile("`(web/e2e/[\\w.]+)`: \"([^\"]+)\"")
	mentionedSetting = regexp.MustCompile(`\b(?:BRANCHLINE_[A-Z_]+|[A-Z]+_URL)\b`)
	testFunction     = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
)

// readFile reads a file of the repository.
func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestSecurityPage_NamesWhatIsThere holds docs/security.md to the repository: a reviewer
// follows it to files, runs the tests that it names, and an operator sets what it
// says.
func TestSecurityPage_NamesWhatIsThere(t *testing.T) {
	t.Parallel()
	page, settings := readFile(t, "docs/security.md"), readFile(t, "docs/configuration.md")
	tests := testsByPackage(t)
	for kind, n := range map[string]int{
		"files": checkEach(page, mentionedFile, func(m []string) {
			if info, err := os.Stat(filepath.Join("..", m[1])); err != nil || info.IsDir() {
				t.Errorf("there is no file %s", m[1])
			}
		}),
		"tests": checkEach(page, mentionedTest, func(m []string) {
			if m[1] == "" {
				t.Errorf("%s has no package: write it like login.%s", m[2], m[2])
			} else if !tests[m[1]+"."+m[2]] {
				t.Errorf("there is no test %s.%s", m[1], m[2])
			}
		}),
		"browser tests": checkEach(page, mentionedBrowser, func(m []string) {
			if !strings.Contains(readFile(t, m[1]), m[2]) {
				t.Errorf("there is no browser test %q in %s", m[2], m[1])
			}
		}),
		"settings": checkEach(page, mentionedSetting, func(m []string) {
			if !strings.Contains(settings, "| `"+m[0]+"` |") {
				t.Errorf("there is no setting %s", m[0])
			}
		}),
	} {
		if n < 10 && kind != "browser tests" || n == 0 {
			t.Errorf("the page names %d %s: it is not written as this test reads it", n, kind)
		}
	}
}

// TestPages_NameTestsThatAreThere holds the other pages that name tests to the repository.
func TestPages_NameTestsThatAreThere(t *testing.T) {
	t.Parallel()
	tests := testsByPackage(t)
	anywhere := map[string]bool{}
	for name := range tests {
		_, name, _ = strings.Cut(name, ".")
		anywhere[name] = true
	}
	for _, page := range []string{"docs/operations.md", "docs/speed.md"} {
		if n := checkEach(readFile(t, page), mentionedTest, func(m []string) {
			if m[1] == "" && !anywhere[m[2]] || m[1] != "" && !tests[m[1]+"."+m[2]] {
				t.Errorf("%s names %s, which is no test", page, m[0])
			}
		}); n < 10 {
			t.Errorf("%s names %d tests: it is not written as this test reads it", page, n)
		}
	}
}

var (
	wordOfFault = regexp.MustCompile(`(?m)^\s+\w+\s+(?:Code|Reason)\s+= "([A-Z_]+)"`)
	closeCode   = regexp.MustCompile(`Close\{(4\d{3}),`)
)

// TestAPIGuide_NamesEveryCode holds docs/api-guide.md to the program: it names every code
// and reason of an error, and every close code of our own, since clients act on them.
func TestAPIGuide_NamesEveryCode(t *testing.T) {
	t.Parallel()
	page := readFile(t, "docs/api-guide.md")
	if n := checkEach(readFile(t, "internal/fault/fault.go"), wordOfFault, func(m []string) {
		if !strings.Contains(page, "`"+m[1]+"`") && !strings.Contains(page, "`reason: "+m[1]+"`") {
			t.Errorf("the guide does not say what to do about %s", m[1])
		}
	}); n < 15 {
		t.Errorf("%d words of faults were found: they are not written as this test reads them", n)
	}
	if n := checkEach(readFile(t, "internal/live/close.go"), closeCode, func(m []string) {
		if !strings.Contains(page, m[1]) {
			t.Errorf("the guide does not say what to do about a close with %s", m[1])
		}
	}); n < 8 {
		t.Errorf("%d closes were found: they are not written as this test reads them", n)
	}
}

// checkEach calls check with each match, and returns how many there are.
func checkEach(page string, mentioned *regexp.Regexp, check func([]string)) int {
	all := mentioned.FindAllStringSubmatch(page, -1)
	for _, m := range all {
		check(m)
	}
	return len(all)
}

// testsByPackage returns every test of the repository as `folder.TestName`.
func testsByPackage(t *testing.T) map[string]bool {
	t.Helper()
	tests := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && (d.Name() == "node_modules" || strings.HasPrefix(d.Name(), ".") && path != ".."):
			return fs.SkipDir
		case !strings.HasSuffix(path, "_test.go"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		absolute, err := filepath.Abs(filepath.Dir(path))
		if err != nil {
			return err
		}
		for _, m := range testFunction.FindAllStringSubmatch(string(text), -1) {
			tests[filepath.Base(absolute)+"."+m[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return tests
}
