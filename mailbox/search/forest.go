package search

// A forest holds trees of nodes, which are linked and cut while they are built. It
// finds the root of a node's tree in amortized logarithmic time, however deep the
// node is: it is the link/cut tree of Sleator and Tarjan ("A Data Structure for
// Dynamic Trees", 1983; with splay trees, 1985). Node 0 is none.
//
// Each tree is divided into paths that lead towards the root. A splay tree holds
// the nodes of a path, those nearer to the root on the left; up of its top is the
// node above the path.
type forest struct{ nodes []splayNode }

type splayNode struct{ up, left, right int32 }

// add adds a node without a parent. Nodes are numbered from 1.
func (f *forest) add() {
	if len(f.nodes) == 0 {
		f.nodes = append(f.nodes, splayNode{})
	}
	f.nodes = append(f.nodes, splayNode{})
}

// root returns the root of the tree of x.
func (f *forest) root(x int32) int32 {
	f.access(x)
	for f.nodes[x].left != 0 {
		x = f.nodes[x].left
	}
	f.splay(x) // pays for the steps to it
	return x
}

// link makes a root x a child of parent, which is in another tree.
func (f *forest) link(x, parent int32) {
	f.access(parent)
	f.access(x)
	f.nodes[x].up = parent
}

// cut makes x a root.
func (f *forest) cut(x int32) {
	f.access(x)
	n := &f.nodes[x]
	if n.left != 0 {
		f.nodes[n.left].up = 0
		n.left = 0
	}
}

// access makes one path of the nodes from the root to x, and x the top of its splay
// tree.
func (f *forest) access(x int32) {
	f.splay(x)
	f.nodes[x].right = 0
	for f.nodes[x].up != 0 {
		above := f.nodes[x].up
		f.splay(above)
		f.nodes[above].right = x
		f.rotate(x)
	}
}

// isTop reports whether x is the top of a splay tree.
func (f *forest) isTop(x int32) bool {
	up := &f.nodes[f.nodes[x].up]
	return up.left != x && up.right != x
}

// splay makes x the top of its splay tree.
func (f *forest) splay(x int32) {
	for !f.isTop(x) {
		up := f.nodes[x].up
		if !f.isTop(up) {
			if (f.nodes[f.nodes[up].up].left == up) == (f.nodes[up].left == x) {
				f.rotate(up)
			} else {
				f.rotate(x)
			}
		}
		f.rotate(x)
	}
}

// rotate exchanges x with the node above it in its splay tree.
func (f *forest) rotate(x int32) {
	n := &f.nodes[x]
	p := n.up
	above := &f.nodes[p]
	if g := above.up; g != 0 {
		switch p {
		case f.nodes[g].left:
			f.nodes[g].left = x
		case f.nodes[g].right:
			f.nodes[g].right = x
		}
	}
	n.up, above.up = above.up, x
	if above.left == x {
		above.left, n.right = n.right, p
		if above.left != 0 {
			f.nodes[above.left].up = p
		}
	} else {
		above.right, n.left = n.left, p
		if above.right != 0 {
			f.nodes[above.right].up = p
		}
	}
}
