package dialect

import "slices"

// Resolve returns what a plugin sets [Object].Visible and HiddenBy to. It looks for n's bare name along
// the search path. there says what has a name and hides others of that name, in words such as "table",
// or returns "" if nothing has it. The structure itself counts, too.
func Resolve(path []string, n Name, there func(n Name) string) (visible bool, hiddenBy string) {
	if !slices.Contains(path, n.Schema) {
		return false, ""
	}
	for _, schema := range path {
		other := Name{Schema: schema, Name: n.Name}
		switch what := there(other); {
		case what == "":
		case other == n:
			return true, ""
		default:
			return false, what + " " + other.String()
		}
	}
	return false, ""
}
