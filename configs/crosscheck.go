package configs

import (
	"fmt"
	"slices"
	"strings"
)

// crossCheck checks values that must fit together. A value that could not be read is its default
// here, or zero, and has been reported already.
func (d *decoder) crossCheck(config Config) {
	d.checkAuth(config.Server.Address)
	d.checkOrigins(config.Server.CORS)
	d.checkResume(config.Streams.Resume)
	models := d.checkModels(config.Models)
	d.checkKeys(config.Auth.Keys, models, "auth.keys")
	d.checkJWT(config.Auth.JWT, models)
	d.checkCompat(config.Compat, config.Models)
}

func (d *decoder) checkAuth(address Address) {
	_, given := d.positions["auth"]
	_, mode := d.positions["auth.mode"]
	for _, way := range []string{"auth.keys", "auth.keys_file", "auth.jwt"} {
		if _, ok := d.positions[way]; !ok {
			continue
		}
		if mode {
			d.problem(d.positionOf("auth.mode"), "auth.mode", "stands beside %s: leave one of them out", way)
		}
		return
	}
	const advice = "auth: {keys: […]} (those who have one) or auth: {mode: none} (everyone)"
	switch {
	case mode:
	case given:
		d.problem(d.positionOf("auth"), "auth", "must say who may use Penstock: %s", advice)
	case address != "" && !address.Loopback():
		d.problem(d.positionOf("server.address"), "server.address",
			"%s can be reached from other machines: listen on 127.0.0.1, or say who may use Penstock with %s", address, advice)
	}
}

// checkJWT checks which limits tokens have: without any, nothing would be said about them.
func (d *decoder) checkJWT(j *JWT, models []string) {
	if j == nil {
		return
	}
	const path = "auth.jwt"
	switch {
	case j.Claim == "" && len(j.Limits) > 0:
		d.problem(d.positionOf(path+".limits"), path+".limits", "needs auth.jwt.claim, the claim that has these values")
	case j.Claim != "" && len(j.Limits) == 0:
		d.problem(d.positionOf(path+".claim"), path+".claim", "needs auth.jwt.limits, which limits each of its values has")
	case j.Default == nil && len(j.Limits) == 0:
		d.problem(d.positionOf(path), path, "must say what tokens allow: default: {} (everything), or claim and limits")
	}
	values := map[string]string{}
	for i, l := range j.Limits {
		at := fmt.Sprintf("%s.limits[%d]", path, i)
		checkUnique(d, values, l.Value, at+".value")
		d.checkPatterns(l.Models, models, at)
	}
	if j.Default != nil {
		d.checkPatterns(j.Default.Models, models, path+".default")
	}
}

func (d *decoder) checkResume(resume Resume) {
	if resume.Buffer > resume.Total {
		path := "streams.resume.buffer"
		d.problem(d.positionOf(path, "streams.resume.total"), path,
			"must be at most streams.resume.total (%s), not %s", resume.Total, resume.Buffer)
	}
}

// checkModels returns the names of the models, and their aliases.
func (d *decoder) checkModels(models []Model) []string {
	names := map[Name]string{}
	for i, model := range models {
		path := fmt.Sprintf("models[%d]", i)
		d.checkNames(names, model, path)
		d.checkPattern(model, path)
		if checker, ok := model.Options.(Checker); ok {
			checker.Check(func(key, problem string) {
				at, given := d.positions[path+"."+key]
				if given && slices.ContainsFunc(d.problems, func(p Problem) bool { return p.Position == at }) {
					return // it could not be read
				}
				d.problem(d.positionOf(path+"."+key), path+"."+key, "%s", problem)
			})
		}
	}
	d.checkDefault(models)
	return namesOf(models)
}

// checkKeys checks keys that are at a path.
func (d *decoder) checkKeys(keys []Key, models []string, at string) {
	names, digests := map[string]string{}, map[SHA256]string{}
	for i, key := range keys {
		path := fmt.Sprintf("%s[%d]", at, i)
		checkUnique(d, names, key.Name, path+".name")
		checkUnique(d, digests, key.SHA256, path+".sha256")
		d.checkPatterns(key.Models, models, path)
	}
}

// checkPatterns reports patterns that match no model, which are mistakes.
func (d *decoder) checkPatterns(patterns []Pattern, models []string, at string) {
	for i, p := range patterns {
		if p == "" || slices.ContainsFunc(models, p.Matches) {
			continue
		}
		path := fmt.Sprintf("%s.models[%d]", at, i)
		if strings.Contains(string(p), "*") {
			d.problem(d.positionOf(path), path, "matches no model of this file: known here: %s", strings.Join(models, ", "))
			continue
		}
		d.problem(d.positionOf(path), path, "is no model of this file%s", didYouMean(string(p), models))
	}
}

// checkUnique reports a value that occurs a second time; seen has the path of each value's first
// occurrence. A zero value could not be read.
func checkUnique[T comparable](d *decoder, seen map[T]string, value T, path string) {
	var unread T
	if value == unread {
		return
	}
	if first, doubled := seen[value]; doubled {
		d.problem(d.positionOf(path), path, "is the same as %s", first)
		return
	}
	seen[value] = path
}
