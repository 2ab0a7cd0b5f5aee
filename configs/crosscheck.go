package configs

import (
	"fmt"
	"maps"
	"slices"
)

// crossCheck looks at what must fit together. A value that could not be read is
// its default here, or zero, and has been reported already.
func (d *decoder) crossCheck(config Config) {
	d.checkAuth(config.Server.Address)
	d.checkResume(config.Streams.Resume)
	models := d.checkModels(config.Models)
	d.checkKeys(config.Auth.Keys, models)
}

func (d *decoder) checkAuth(address Address) {
	_, said := d.places["auth"]
	_, mode := d.places["auth.mode"]
	_, keys := d.places["auth.keys"]
	switch {
	case keys && mode:
		d.problem(d.placeOf("auth.mode"), "auth.mode", "stands beside auth.keys: leave one of them out")
	case keys || mode:
	case said:
		d.problem(d.placeOf("auth"), "auth", "must say who may use Penstock: %s", d.waysToSayWho())
	case address != "" && !address.Loopback():
		d.problem(d.placeOf("server.address"), "server.address",
			"%s can be reached from other machines: listen on 127.0.0.1, or say who may use Penstock with %s", address, d.waysToSayWho())
	}
}

// waysToSayWho does not advise what this version cannot do.
func (d *decoder) waysToSayWho() string {
	everyone := "auth: {mode: none} (everyone)"
	if d.isUnavailable("auth.keys") {
		return everyone
	}
	return "auth: {keys: […]} (those who have one) or " + everyone
}

func (d *decoder) checkResume(resume Resume) {
	if resume.Buffer > resume.Total {
		path := "streams.resume.buffer"
		d.problem(d.placeOf(path, "streams.resume.total"), path, "must be at most streams.resume.total (%s), not %s", resume.Total, resume.Buffer)
	}
}

// checkModels returns the names of all models that could be read.
func (d *decoder) checkModels(models []Model) []string {
	names := map[Name]string{}
	for i, model := range models {
		if model == nil {
			continue
		}
		path := fmt.Sprintf("models[%d]", i)
		checkDoubled(d, names, model.ModelName(), path+".name")
		if clip, ok := model.(ClipModel); ok && clip.Fetch.PerHost > clip.Fetch.AtOnce {
			path += ".fetch.per_host"
			d.problem(d.placeOf(path), path, "must be at most fetch.at_once (%d), not %d", clip.Fetch.AtOnce, clip.Fetch.PerHost)
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
		checkDoubled(d, names, key.Name, path+".name")
		checkDoubled(d, digests, key.SHA256, path+".sha256")
		for j, name := range key.Models {
			if name != "" && !slices.Contains(models, string(name)) {
				path := fmt.Sprintf("%s.models[%d]", path, j)
				d.problem(d.placeOf(path), path, "is no model of this file%s", didYouMean(string(name), models))
			}
		}
	}
}

// checkDoubled reports a value that must be unique and was seen before; seen
// keeps the path of each value's first appearance. Zero values were not read.
func checkDoubled[T comparable](d *decoder, seen map[T]string, value T, path string) {
	var unread T
	if value == unread {
		return
	}
	if first, doubled := seen[value]; doubled {
		d.problem(d.placeOf(path), path, "is the same as %s", first)
		return
	}
	seen[value] = path
}
