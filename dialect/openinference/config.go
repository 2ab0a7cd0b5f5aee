package openinference

// Version is the version of every model: there is one of each.
const Version = "1"

// Config is a model's configuration as Triton's extension model_configuration has it: the response
// of GET /v2/models/{name}/config. It has what follows from the metadata.
type Config struct {
	Name          string        `json:"name"`
	Platform      string        `json:"platform"`
	Backend       string        `json:"backend"`
	VersionPolicy versionPolicy `json:"version_policy"`
	// MaxBatchSize is 0: shapes are whole, with the dimension of the batch.
	MaxBatchSize int          `json:"max_batch_size"`
	Input        []ConfigInfo `json:"input"`
	Output       []ConfigInfo `json:"output"`
}

type versionPolicy struct {
	Latest struct {
		Versions int `json:"num_versions"`
	} `json:"latest"`
}

// ConfigInfo describes a tensor. A dimension of any size is -1.
type ConfigInfo struct {
	Name     string  `json:"name"`
	DataType string  `json:"data_type"` // TYPE_FP32, …
	Dims     []int64 `json:"dims"`
}

// Config returns the model's configuration.
func (m Metadata) Config() Config {
	c := Config{Name: m.Name, Platform: m.Platform, Input: configOf(m.Inputs), Output: configOf(m.Outputs)}
	c.VersionPolicy.Latest.Versions = 1
	return c
}

func configOf(infos []Info) []ConfigInfo {
	list := []ConfigInfo{}
	for _, info := range infos {
		list = append(list, ConfigInfo{info.Name, "TYPE_" + info.Datatype, info.Shape})
	}
	return list
}
