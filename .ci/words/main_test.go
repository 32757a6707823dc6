package main

import (
	"slices"
	"testing"
)

func TestFind(t *testing.T) {
	t.Parallel()
	src := "package p\n\n// A picture, of\n// no use.\nfunc picture() string { return \"a\\nPicture\" }\n\nvar pictures = `two\npictures`\n"
	want := []string{"p.go:3: picture", "p.go:3: of no use", "p.go:5: Picture", "p.go:8: pictures"}
	if got := parseList("# note\npicture\npictures\nof no use\n").find("p.go", []byte(src)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	exempt := parseList("picture\nexempt a\\.md ^\\|.*")
	if got, want := exempt.find("a.md", []byte("| picture |\npicture\n")), []string{"a.md:2: picture"}; !slices.Equal(got, want) {
		t.Errorf("with an exemption: got %q, want %q", got, want)
	}
}
