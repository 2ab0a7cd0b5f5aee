package kinds

import "penstock/dialect"

// PassRoute names routes of upstreams that are passed through: a path below /v1, or, as audio/*,
// all paths below one.
type PassRoute dialect.PassRoute

// UnmarshalText parses a route.
func (r *PassRoute) UnmarshalText(text []byte) error {
	route, err := dialect.ParsePassRoute(string(text))
	*r = PassRoute(route)
	return err
}

// passedByDefault are the routes of a model whose keys have no list of them.
var passedByDefault = []PassRoute{"audio/*", "images/*", "rerank", "moderations"}

func passRoutes(list []PassRoute) (routes []dialect.PassRoute) {
	if list == nil {
		list = passedByDefault
	}
	for _, r := range list {
		routes = append(routes, dialect.PassRoute(r))
	}
	return routes
}
