"""Many documents as one library: take them in, choose the ones worth asking, find evidence in them."""
