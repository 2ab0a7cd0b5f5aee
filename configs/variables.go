package configs

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// prefix begins the names of the environment variables that override values.
const prefix = "PENSTOCK_"

// UnknownVariables returns a warning for each variable of environ, a list of NAME=value as
// os.Environ returns it, that looks like one that overrides a value, but does not: its name is near
// to such a name, or begins with a section of the file. Other variables with the same prefix are
// not Penstock's business: Kubernetes sets PENSTOCK_SERVICE_HOST for a service named penstock. A
// warning holds no value.
func UnknownVariables(environ []string) []string {
	var s settings
	s.add("", reflect.TypeFor[Config]())
	var warnings []string
	for _, entry := range slices.Sorted(slices.Values(environ)) {
		name, value, _ := strings.Cut(entry, "=")
		if !strings.HasPrefix(name, prefix) || slices.Contains(s.variables, name) || isKubernetes(name, value) {
			continue
		}
		rest := strings.TrimPrefix(name, prefix)
		meant, near := s.nearest(rest)
		switch path, isGroup := s.groups[name]; {
		case isGroup:
			warnings = append(warnings, fmt.Sprintf("%s is not read: %s is no single value, so only the file sets it", name, path))
		case near:
			warnings = append(warnings, fmt.Sprintf("%s is not read: did you mean %s?", name, meant))
		case slices.ContainsFunc(s.sections, func(section string) bool { return strings.HasPrefix(rest, section+"_") }):
			warnings = append(warnings, name+" is not read: the file has no such key")
		}
	}
	return warnings
}

// settings are the names of the schema as environment variables have them.
type settings struct {
	variables []string          // that override a value
	groups    map[string]string // the paths of lists and of groups of keys, by what they would be
	sections  []string          // the first part of a path, in capitals
}

func (s *settings) add(path string, structure reflect.Type) {
	for field := range structure.Fields() {
		key := field.Tag.Get("yaml")
		if path == "" {
			s.sections = append(s.sections, strings.ToUpper(key))
		} else {
			key = path + "." + key
		}
		t := field.Type
		if isScalar(t) {
			s.variables = append(s.variables, variable(key))
			continue
		}
		if s.groups == nil {
			s.groups = map[string]string{}
		}
		s.groups[variable(key)] = key
		if t.Kind() == reflect.Pointer {
			t = t.Elem()
		}
		if t.Kind() == reflect.Struct {
			s.add(key, t)
		}
	}
}

// nearest returns the variable whose name was probably meant by one without the prefix.
func (s *settings) nearest(rest string) (string, bool) {
	known := make([]string, len(s.variables))
	for i, name := range s.variables {
		known[i] = strings.ToLower(strings.TrimPrefix(name, prefix))
	}
	meant, ok := nearest(rest, known)
	return prefix + strings.ToUpper(meant), ok
}

// ofService matches what Kubernetes adds to a service's name in the variables that it sets.
var ofService = regexp.MustCompile(`_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$`)

// isKubernetes reports whether Kubernetes has set a variable, for a service named penstock or
// penstock-server, say.
func isKubernetes(name, value string) bool {
	return ofService.MatchString(name) || strings.HasSuffix(name, "_PORT") && strings.Contains(value, "://")
}
