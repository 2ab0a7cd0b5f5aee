package engine

// ChunkCost is what a kept chunk counts for beside its data.
const ChunkCost = chunkCost
