package clip

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A family is what the models of one architecture have in common, where their files leave it open.
type family struct {
	name      string
	sigmoid   bool   // a probability is each label's own; otherwise those of all labels add up to 1
	processor string // transformers' name of its image processor; "": CLIP's
	zeroPad   bool   // texts are padded with token 0
	ownPad    bool   // texts are padded with their own last token, as the tower ignores what follows it
	fixed     int    // all texts are padded to this many tokens; 0: to those of the longest in a run
	positions int    // text positions, where config.json has none
	reserved  int    // positions that no token of a text has
	context   int    // how many tokens a text may have at most, however many positions there are; 0: as many
	untested  bool   // no model of it has been compared with its authors' software
}

// familyConfig is the part of config.json that tells families apart, and how they make logits.
type familyConfig struct {
	ModelType string    `json:"model_type"`
	LogitBias *float64  `json:"logit_bias"`
	Vision    *struct{} `json:"vision_config"`
}

// NaFlex is the variant of SigLIP 2 that takes pictures of any proportions as a list of patches.
var errNaFlex = errors.New("SigLIP 2 NaFlex, which keeps the proportions of pictures, is not supported; use a SigLIP 2 with a fixed size, such as siglip2-base-patch16-224")

// knownFamilies are the values of model_type in config.json that familyOf knows.
var knownFamilies = []string{"clip", "siglip", "siglip2", "chinese_clip", "altclip", "jina_clip"}

// family returns the family that config.json names, by its model_type: that of the whole model or
// of one tower. Without a model_type it is CLIP. Another one that has two towers is served as a
// CLIP.
func (c config) family() (family, error) {
	if c.OpenCLIP != nil {
		return c.openCLIPFamily(), nil
	}
	name := strings.TrimSuffix(strings.TrimSuffix(c.ModelType, "_text_model"), "_vision_model")
	clip := family{name: "CLIP", ownPad: true, positions: 77}
	switch name {
	case "", "clip":
		return clip, nil
	case "siglip":
		return family{name: "SigLIP", sigmoid: true, processor: "SiglipImageProcessor", fixed: 64, positions: 64}, nil
	case "siglip2": // of a fixed size if the image processor is SigLIP's: the files of most have model_type siglip
		return family{name: "SigLIP 2", sigmoid: true, processor: "Siglip2ImageProcessor", fixed: 64, positions: 64}, nil
	case "chinese_clip": // trained with 52 tokens; BERT has 512 positions
		return family{name: "Chinese-CLIP", processor: "ChineseCLIPImageProcessor", positions: 512, context: 52}, nil
	case "altclip": // XLM-R numbers positions from 2
		return family{name: "AltCLIP", positions: 514, reserved: 2}, nil
	case "jina_clip":
		return family{name: "jina-clip", processor: "JinaCLIPImageProcessor", positions: 512, untested: true}, nil
	}
	if c.Vision == nil && !strings.Contains(c.ModelType, "clip") {
		return clip, fmt.Errorf("config.json: the model_type %q is no model of pictures and texts known here; known are %s",
			c.ModelType, strings.Join(knownFamilies, ", "))
	}
	clip.name, clip.ownPad, clip.untested = c.ModelType, false, true
	return clip, nil
}

// textPositions returns how many tokens a text may have, of a model with that many positions; 0: as
// many as models of the family have.
func (f family) textPositions(positions int) int {
	if positions <= 0 {
		positions = f.positions
	}
	positions -= f.reserved
	if f.context > 0 {
		positions = min(positions, f.context)
	}
	return max(1, positions)
}

// isNaFlex reports whether an input is one of the graphs of SigLIP 2 NaFlex.
func isNaFlex(input string) bool {
	return slices.Contains([]string{"pixel_attention_mask", "spatial_shapes"}, input)
}
