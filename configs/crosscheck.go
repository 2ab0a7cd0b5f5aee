package configs

import (
	"fmt"
	"maps"
	"slices"
)

// crossCheck checks values that must fit together. A value that could not be read is its default
// here, or zero, and has been reported already.
func (d *decoder) crossCheck(config Config) {
	d.checkAuth(config.Server.Address)
	d.checkResume(config.Streams.Resume)
	models := d.checkModels(config.Models)
	d.checkKeys(config.Auth.Keys, models)
}

func (d *decoder) checkAuth(address Address) {
	_, given := d.positions["auth"]
	_, mode := d.positions["auth.mode"]
	_, keys := d.positions["auth.keys"]
	switch {
	case keys && mode:
		d.problem(d.positionOf("auth.mode"), "auth.mode", "stands beside auth.keys: leave one of them out")
	case keys || mode:
	case given:
		d.problem(d.positionOf("auth"), "auth", "must say who may use Penstock: %s", d.authAdvice())
	case address != "" && !address.Loopback():
		d.problem(d.positionOf("server.address"), "server.address",
			"%s can be reached from other machines: listen on 127.0.0.1, or say who may use Penstock with %s", address, d.authAdvice())
	}
}

// authAdvice names the ways to set auth that this version has.
func (d *decoder) authAdvice() string {
	none := "auth: {mode: none} (everyone)"
	if d.isUnavailable("auth.keys") {
		return none
	}
	return "auth: {keys: […]} (those who have one) or " + none
}

func (d *decoder) checkResume(resume Resume) {
	if resume.Buffer > resume.Total {
		path := "streams.resume.buffer"
		d.problem(d.positionOf(path, "streams.resume.total"), path,
			"must be at most streams.resume.total (%s), not %s", resume.Total, resume.Buffer)
	}
}

// checkModels returns the names of the models.
func (d *decoder) checkModels(models []Model) []string {
	names := map[Name]string{}
	for i, model := range models {
		path := fmt.Sprintf("models[%d]", i)
		checkUnique(d, names, model.Name, path+"."+nameKey)
		if checker, ok := model.Options.(Checker); ok {
			checker.Check(func(key, problem string) {
				d.problem(d.positionOf(path+"."+key), path+"."+key, "%s", problem)
			})
		}
	}
	var known []string
	for _, name := range slices.Sorted(maps.Keys(names)) {
		known = append(known, string(name))
	}
	return known
}

func (d *decoder) checkKeys(keys []Key, models []string) {
	names, digests := map[string]string{}, map[SHA256]string{}
	for i, key := range keys {
		path := fmt.Sprintf("auth.keys[%d]", i)
		checkUnique(d, names, key.Name, path+".name")
		checkUnique(d, digests, key.SHA256, path+".sha256")
		for j, name := range key.Models {
			if name != "" && !slices.Contains(models, string(name)) {
				path := fmt.Sprintf("%s.models[%d]", path, j)
				d.problem(d.positionOf(path), path, "is no model of this file%s", didYouMean(string(name), models))
			}
		}
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
