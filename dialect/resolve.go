package dialect

import "slices"

// Resolve returns the Visible and HiddenBy of an [Object] with the name n. It looks up
// n's bare name along the search path. KindOf returns the kind of object that has a name,
// in words such as "table", or "" if no object has it. For n it must not return "".
func Resolve(path []string, n Name, kindOf func(n Name) string) (visible bool, hiddenBy string) {
	if !slices.Contains(path, n.Schema) {
		return false, ""
	}
	for _, schema := range path {
		other := Name{Schema: schema, Name: n.Name}
		switch what := kindOf(other); {
		case what == "":
		case other == n:
			return true, ""
		default:
			return false, what + " " + other.String()
		}
	}
	return false, ""
}
