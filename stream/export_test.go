package stream

// EventCost is what a kept event counts as beside its data.
const EventCost = eventCost
