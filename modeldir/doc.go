// Package modeldir knows the layout of model folders: the one that transformers.js uses on Hugging
// Face hubs, with graphs in onnx/ or at the top, each in one of several forms (model.onnx,
// model_fp16.onnx, model_q4.onnx and so on), and small JSON files beside them; and of a CLIP also
// those of Immich and open_clip, and of repositories that hold one tower only.
//
// A Has function stands for the folder, so a repository listing and a folder on disk go through the
// same code. See the Example for a folder on disk.
//
// The package opens no graph, reads no file, and does not check what is inside one.
package modeldir
