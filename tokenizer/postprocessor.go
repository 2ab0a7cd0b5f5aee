package tokenizer

import "fmt"

// newPostProcessor returns the ids that go before and after a text.
func newPostProcessor(c *component) (before, after []int64, err error) {
	if c == nil {
		return nil, nil, nil
	}
	switch c.Type {
	case "ByteLevel": // changes offsets only
		return nil, nil, nil
	case "RobertaProcessing", "BertProcessing":
		return []int64{int64(c.Cls)}, []int64{int64(c.Sep)}, nil
	case "TemplateProcessing":
		return readTemplate(c)
	case "Sequence":
		for _, step := range c.Processors {
			outerBefore, outerAfter, err := newPostProcessor(step)
			if err != nil {
				return nil, nil, err
			}
			before, after = append(outerBefore, before...), append(after, outerAfter...)
		}
		return before, after, nil
	}
	return nil, nil, unknown(c.Type)
}

// readTemplate reads the template for a single text: special tokens around the sequence A.
func readTemplate(c *component) (before, after []int64, err error) {
	sequences := 0
	for _, piece := range c.Single {
		switch {
		case piece.Sequence != nil:
			sequences++
		case piece.SpecialToken != nil:
			token, known := c.SpecialTokens[piece.SpecialToken.ID]
			if !known {
				return nil, nil, fmt.Errorf("TemplateProcessing uses %q, which is not in its special_tokens", piece.SpecialToken.ID)
			}
			if sequences == 0 {
				before = append(before, token.IDs...)
			} else {
				after = append(after, token.IDs...)
			}
		}
	}
	if sequences != 1 {
		return nil, nil, fmt.Errorf("TemplateProcessing has the text %d times in its template, not once", sequences)
	}
	return before, after, nil
}
