//go:build ignore

// Generate writes passwords.txt.gz from the frequency list of the npm package
// zxcvbn 4.4.2, the commonest password first:
//
//	npm pack zxcvbn@4.4.2 && tar xzf zxcvbn-4.4.2.tgz
//	go run internal/login/wordlist/generate.go package/lib/frequency_lists.js > internal/login/wordlist/passwords.txt.gz
package main

import (
	"compress/gzip"
	"log"
	"os"
	"regexp"
	"strings"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 2 {
		log.Fatal("Give the path of frequency_lists.js.")
	}
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	list := regexp.MustCompile(`passwords: "([^"]+)"\.split`).FindSubmatch(text)
	if list == nil {
		log.Fatal("The file has no list named passwords.")
	}
	out, err := gzip.NewWriterLevel(os.Stdout, gzip.BestCompression)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := out.Write([]byte(strings.ReplaceAll(string(list[1]), ",", "\n") + "\n")); err != nil {
		log.Fatal(err)
	}
	if err := out.Close(); err != nil {
		log.Fatal(err)
	}
}
