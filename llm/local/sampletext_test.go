package local

import "penstock/tokenizer"

var everything = tokenizer.EncodeOptions{ParseSpecial: true}

// someText is a chat long enough to make caches grow.
const someText = `<|im_start|>system
You are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>
<|im_start|>user
The old ferryman lived by the river where it bends toward the sea. Every morning he rowed the first children of the
village across to school, and every evening he brought them back. One autumn the water rose higher than anyone could
remember, and the path along the bank was gone. He tied a long rope to the great willow, walked into the current with
the other end around his waist, and fastened it to the landing stage on the far side. For nine days nobody crossed but
by that rope. On the tenth the river fell, and the children found that their ferryman had painted a name on the bow of
his boat: Willow. When the teacher asked him why, he said that a boat is only as good as what holds it, and that he had
been held by a tree for nine days and ought to say thank you. The teacher wrote that sentence on the blackboard, and it
stayed there until the summer. In the next year a bridge was built a mile upstream, of iron, with lamps. The ferryman
crossed it once, looked down at the water from its middle, and went home by boat. He rowed until he was eighty. Then he
gave the boat to the youngest of the children he had brought to school, who by then had children of her own, and sat
under the willow in the mornings to watch her row. She asked him whether he was not sad. He said that a river is the one
thing that goes away all the time and is always there, and that he had learned it from the best of teachers.
Who held the ferryman for nine days?<|im_end|>
<|im_start|>assistant
`
