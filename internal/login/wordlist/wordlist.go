// Package wordlist knows the commonest passwords.
//
// passwords.txt.gz is the frequency list of passwords of the npm package zxcvbn
// 4.4.2, the commonest first, in lower case. LICENSE.txt is its licence, and
// generate.go says how the file is made.
package wordlist

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"io"
	"slices"
	"strings"
	"sync"
)

//go:embed passwords.txt.gz
var packed []byte

// Commonest returns the passwords, the commonest first.
func Commonest() []string {
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		panic(err) // the program was built with a damaged file
	}
	text, err := io.ReadAll(r)
	if err != nil {
		panic(err)
	}
	return strings.Fields(string(text))
}

// sorted is made when it is first needed: 10 ms and 0.7 MB.
var sorted = sync.OnceValue(func() []string {
	list := Commonest()
	slices.Sort(list)
	return list
})

// Has says whether a text in lower case is one of the commonest passwords.
func Has(text string) bool {
	_, found := slices.BinarySearch(sorted(), text)
	return found
}
