package server_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// TestExport_EveryFormat asks for each format that the server says it has. What
// comes is that file, and the same each time.
func TestExport_EveryFormat(t *testing.T) {
	t.Parallel()
	n := newNode(t, nodeOptions{})
	h := n.home()
	formats, _ := lookup(n.post("", `{ serverInfo { sessionExportFormats } }`, nil).ok().Data, "serverInfo.sessionExportFormats")
	begins := map[string]string{
		"TEXT": "TROUBLESHOOTING RECORD\n", "MARKDOWN": "# Troubleshooting record\n", "HTML": "<!doctype html>\n", "JSON": "{\n", "PDF": "%PDF-1.",
	}
	list, _ := formats.([]any)
	if len(list) != len(begins) {
		t.Fatalf("the formats are %v", formats)
	}
	for _, format := range list {
		name := fmt.Sprint(format)
		var earlier string
		for range 2 {
			a := n.post(h.owner.access, `query($input: ExportSessionInput!) { exportSession(input: $input) { filename content encoding sha256 } }`,
				vars{"input": vars{"sessionId": h.walk, "format": name, "redactSensitive": true}}).ok()
			text := func(field string) string {
				value, _ := lookup(a.Data, "exportSession."+field)
				return fmt.Sprint(value)
			}
			content := text("content")
			switch text("encoding") {
			case "UTF8":
			case "BASE64":
				raw, err := base64.StdEncoding.DecodeString(content)
				check(t, err)
				content = string(raw)
			default:
				t.Errorf("%s is encoded as %s", name, text("encoding"))
			}
			sum := sha256.Sum256([]byte(content))
			if !strings.HasPrefix(content, begins[name]) || text("sha256") != hex.EncodeToString(sum[:]) {
				t.Errorf("%s, %s: %.40q", name, text("filename"), content)
			}
			if earlier != "" && earlier != content {
				t.Errorf("%s gives other bytes the second time", name)
			}
			earlier = content
		}
	}
}
