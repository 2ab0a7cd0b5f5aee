package gateway

import (
	"sync"

	"github.com/gin-gonic/gin"

	"penstock/engine"
)

// nameOf returns a model's name as the request has it: its own, an alias, or one that its pattern
// matches. Responses and streams have that name; metrics and gates have the model's own.
func nameOf(c *gin.Context, m *engine.Model) string {
	if name := c.GetString(keyModel); name != "" {
		return name
	}
	return m.Name()
}

// mayUseModel returns the error of a caller whose key is for neither the name of a request nor the
// model's own name; m is nil if there is no such model. A key for a model is for its aliases, and a
// key for a whole pattern is for all its names, but a key for some names is for no others: a key's
// * can only match the * of a model's pattern if it matches everything that stands there.
func mayUseModel(c *gin.Context, name string, m *engine.Model) error {
	err := mayUse(c, name)
	if err != nil && m != nil && mayUse(c, m.Name()) == nil {
		return nil
	}
	return err
}

// listed is a name in a list of models.
type listed struct {
	name    string
	model   *engine.Model
	aliasOf string // the model's own name, if the name is an alias and the caller may use both
}

// listed returns the names that the caller may use: those of models, their aliases, and what is
// known of those that a pattern matches. A pattern itself is no name to use.
func (g *Gateway) listed(c *gin.Context) (list []listed) {
	models := g.Engine.Models()
	matched := g.matched(c, models)
	id := identityOf(c)
	for i, m := range models {
		owns := id == nil || id.May(m.Name())
		add := func(name, aliasOf string) {
			if !owns {
				if !id.May(name) {
					return
				}
				aliasOf = ""
			}
			list = append(list, listed{name, m, aliasOf})
		}
		if !engine.IsPattern(m.Name()) {
			add(m.Name(), "")
		}
		for _, alias := range m.Aliases() {
			add(alias, m.Name())
		}
		for _, name := range matched[i] {
			add(name, "")
		}
	}
	return list
}

// matched returns for each model the known names that its pattern matches. The lists are
// requested at the same time.
func (g *Gateway) matched(c *gin.Context, models []*engine.Model) [][]string {
	names := make([][]string, len(models))
	var requests sync.WaitGroup
	for i, m := range models {
		if !engine.IsPattern(m.Name()) {
			continue
		}
		requests.Go(func() {
			var err error
			if names[i], err = m.List(c.Request.Context()); err != nil {
				g.Log.Warn("the names of a model cannot be listed", "model", m.Name(), "error", logged(err))
			}
		})
	}
	requests.Wait()
	return names
}
