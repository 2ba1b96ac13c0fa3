//! One random cut tree: insert, remove, and where a row would stand.
//!
//! 1. Every inner node has two children, a cut that divides their boxes, and the smallest box that
//!    holds all rows below it.
//! 2. A node's mass is the number of rows below it; equal rows share a leaf.
//! 3. Every row held has its leaf named in `leaf_of`.
//!
//! Together: a path from the root finds any held row, and a removed one leaves no trace.
//! Source: Guha et al. (2016), algorithms 1 and 2. Not for rows whose ranges may overflow when added
//! up: the forest scales them first.

use crate::rng::Rng;

const NONE: u32 = u32::MAX;

/// A random cut tree.
#[derive(Debug, Clone)]
pub(super) struct CutTree {
    width: usize,
    nodes: Vec<Node>,
    /// Lowest and highest values below each node: `2 · width` numbers a node.
    boxes: Vec<f64>,
    free: Vec<u32>,
    root: u32,
    leaf_of: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    parent: u32,
    /// Both [`NONE`] for a leaf.
    children: [u32; 2],
    mass: u32,
    dimension: u32,
    /// Values up to the cut are in the first child.
    cut: f64,
}

impl Node {
    fn is_leaf(&self) -> bool {
        self.children[0] == NONE
    }
}

impl CutTree {
    pub(super) fn new(width: usize) -> Self {
        Self {
            width,
            nodes: Vec::new(),
            boxes: Vec::new(),
            free: Vec::new(),
            root: NONE,
            leaf_of: Vec::new(),
        }
    }

    /// The expected collusive displacement of a row, as a part of the rows held; `value` gives its
    /// values. A row outside a node's box is cut off there with the probability that a cut of the
    /// box stretched to the row falls between the two.
    pub(super) fn displacement(&self, value: &impl Fn(usize) -> f64) -> f64 {
        if self.root == NONE {
            return 0.0;
        }
        let held = f64::from(self.nodes[self.root as usize].mass);
        let (mut at, mut reached, mut colluding, mut expected) = (self.root, 1.0, 0.0f64, 0.0);
        loop {
            let node = &self.nodes[at as usize];
            let (outside, range) = self.stretch(at, value);
            let mass = f64::from(node.mass);
            // A leaf has no range of its own: a row is equal to it, or cut off.
            let off = if outside > 0.0 {
                outside / (outside + range)
            } else {
                0.0
            };
            expected += reached * off * colluding.max(mass);
            reached *= 1.0 - off;
            if node.is_leaf() || reached <= 0.0 {
                return (expected + reached * colluding) / held;
            }
            let side = usize::from(value(node.dimension as usize) > node.cut);
            let (next, other) = (node.children[side], node.children[1 - side]);
            let mass_of = |n: u32| f64::from(self.nodes[n as usize].mass);
            colluding = colluding.max(mass_of(other) / (mass_of(next) + 1.0));
            at = next;
        }
    }

    /// Adds a row under the name `slot`, which is not in use.
    pub(super) fn insert(&mut self, slot: usize, row: &[f64], rng: &mut Rng) {
        if self.leaf_of.len() <= slot {
            self.leaf_of.resize(slot + 1, NONE);
        }
        let mut at = self.root;
        if at == NONE {
            let leaf = self.new_leaf(row);
            self.root = leaf;
            self.leaf_of[slot] = leaf;
            return;
        }
        loop {
            let value = |j: usize| row[j];
            let (outside, range) = self.stretch(at, &value);
            if outside <= 0.0 && self.nodes[at as usize].is_leaf() {
                self.nodes[at as usize].mass += 1;
                self.leaf_of[slot] = at;
                return;
            }
            if let Some((dimension, cut)) = self.cut_off(at, row, (outside, range), rng) {
                self.leaf_of[slot] = self.divide(at, row, dimension, cut);
                return;
            }
            self.cover(at, row);
            let node = &mut self.nodes[at as usize];
            node.mass += 1;
            at = node.children[usize::from(row[node.dimension as usize] > node.cut)];
        }
    }

    /// Forgets the row that was inserted as `slot`.
    pub(super) fn remove(&mut self, slot: usize) {
        let leaf = std::mem::replace(&mut self.leaf_of[slot], NONE);
        assert!(leaf != NONE, "row {slot} is not held");
        let (parent, mass) = {
            let node = &mut self.nodes[leaf as usize];
            node.mass -= 1;
            (node.parent, node.mass)
        };
        if mass > 0 {
            let mut at = parent;
            while at != NONE {
                self.nodes[at as usize].mass -= 1;
                at = self.nodes[at as usize].parent;
            }
            return;
        }
        self.free.push(leaf);
        if parent == NONE {
            self.root = NONE;
            return;
        }
        let children = self.nodes[parent as usize].children;
        let sibling = children[usize::from(children[0] == leaf)];
        let above = self.nodes[parent as usize].parent;
        self.replace(above, parent, sibling);
        self.free.push(parent);
        let (mut at, mut tight) = (above, false);
        while at != NONE {
            self.nodes[at as usize].mass -= 1;
            tight = tight || !self.tighten(at);
            at = self.nodes[at as usize].parent;
        }
    }

    /// By how much the box of a node must grow, over all dimensions, to hold a row; and its range.
    #[inline]
    fn stretch(&self, at: u32, value: &impl Fn(usize) -> f64) -> (f64, f64) {
        let (mut outside, mut range) = (0.0, 0.0);
        let from = at as usize * 2 * self.width;
        let (low, high) = self.boxes[from..from + 2 * self.width].split_at(self.width);
        for (j, (low, high)) in low.iter().zip(high).enumerate() {
            let x = value(j);
            outside += (low - x).max(x - high).max(0.0);
            range += high - low;
        }
        (outside, range)
    }

    /// A random cut of a node's box stretched to `row`; none where it leaves the row inside.
    fn cut_off(
        &self,
        at: u32,
        row: &[f64],
        (outside, range): (f64, f64),
        rng: &mut Rng,
    ) -> Option<(usize, f64)> {
        // What is outside comes first on the line on which the cut is drawn.
        let mut left = rng.uniform() * (outside + range);
        // A leaf has no range, and rounding up to its whole must not leave the row inside.
        if left >= outside && range > 0.0 {
            return None;
        }
        let from = at as usize * 2 * self.width;
        for (j, &x) in row.iter().enumerate() {
            let (low, high) = (self.boxes[from + j], self.boxes[from + self.width + j]);
            let gap = (low - x).max(x - high).max(0.0);
            if gap > 0.0 && left < gap {
                let start = if x < low { x } else { high };
                let end = if x < low { low } else { x };
                // Rounding must not put the cut on its far end.
                let cut = start + left;
                return Some((j, if cut < end { cut } else { start }));
            }
            left -= gap;
        }
        // Rounding alone can pass the last gap: the farthest dimension divides.
        (0..self.width)
            .map(|j| {
                (
                    j,
                    row[j],
                    self.boxes[from + j],
                    self.boxes[from + self.width + j],
                )
            })
            .find(|(_, x, low, high)| x < low || x > high)
            .map(|(j, x, _, high)| (j, if x > high { high } else { x }))
    }

    /// Puts an inner node above `at`, with `row` as its other child; returns the row's leaf.
    fn divide(&mut self, at: u32, row: &[f64], dimension: usize, cut: f64) -> u32 {
        let leaf = self.new_leaf(row);
        let above = self.nodes[at as usize].parent;
        let children = if row[dimension] > cut {
            [at, leaf]
        } else {
            [leaf, at]
        };
        let inner = self.new_node(Node {
            parent: NONE,
            children,
            mass: self.nodes[at as usize].mass + 1,
            dimension: dimension as u32,
            cut,
        });
        self.replace(above, at, inner);
        self.nodes[at as usize].parent = inner;
        self.nodes[leaf as usize].parent = inner;
        let size = 2 * self.width;
        self.boxes.copy_within(
            at as usize * size..(at as usize + 1) * size,
            inner as usize * size,
        );
        self.cover(inner, row);
        leaf
    }

    /// Puts `new` where `old` was below `above`.
    fn replace(&mut self, above: u32, old: u32, new: u32) {
        self.nodes[new as usize].parent = above;
        if above == NONE {
            self.root = new;
            return;
        }
        let children = &mut self.nodes[above as usize].children;
        children[usize::from(children[1] == old)] = new;
    }

    /// Stretches a node's box to hold `row`.
    fn cover(&mut self, at: u32, row: &[f64]) {
        let from = at as usize * 2 * self.width;
        let (low, high) = self.boxes[from..from + 2 * self.width].split_at_mut(self.width);
        for ((low, high), x) in low.iter_mut().zip(high).zip(row) {
            *low = low.min(*x);
            *high = high.max(*x);
        }
    }

    /// Makes an inner node's box the smallest around its children's; whether that changed it.
    fn tighten(&mut self, at: u32) -> bool {
        let size = 2 * self.width;
        let [a, b] = self.nodes[at as usize].children.map(|c| c as usize * size);
        let mut changed = false;
        for j in 0..size {
            let (x, y) = (self.boxes[a + j], self.boxes[b + j]);
            let bound = if j < self.width { x.min(y) } else { x.max(y) };
            let place = &mut self.boxes[at as usize * size + j];
            changed |= *place != bound;
            *place = bound;
        }
        changed
    }

    fn new_leaf(&mut self, row: &[f64]) -> u32 {
        let leaf = self.new_node(Node {
            parent: NONE,
            children: [NONE; 2],
            mass: 1,
            dimension: 0,
            cut: 0.0,
        });
        let from = leaf as usize * 2 * self.width;
        self.boxes[from..from + self.width].copy_from_slice(row);
        self.boxes[from + self.width..from + 2 * self.width].copy_from_slice(row);
        leaf
    }

    fn new_node(&mut self, node: Node) -> u32 {
        if let Some(free) = self.free.pop() {
            self.nodes[free as usize] = node;
            return free;
        }
        self.nodes.push(node);
        self.boxes.resize(self.nodes.len() * 2 * self.width, 0.0);
        (self.nodes.len() - 1) as u32
    }
}

#[cfg(test)]
impl CutTree {
    /// Checks the three invariants; the rows below the root.
    pub(super) fn check(&self) -> u32 {
        if self.root == NONE {
            return 0;
        }
        assert_eq!(self.nodes[self.root as usize].parent, NONE);
        for leaf in self.leaf_of.iter().filter(|l| **l != NONE) {
            assert!(self.nodes[*leaf as usize].is_leaf());
        }
        self.check_below(self.root)
    }

    fn check_below(&self, at: u32) -> u32 {
        let node = self.nodes[at as usize];
        if node.is_leaf() {
            return node.mass;
        }
        let size = 2 * self.width;
        let bounds = |n: u32| &self.boxes[n as usize * size..][..size];
        let [a, b] = node.children;
        let d = node.dimension as usize;
        assert!(bounds(a)[self.width + d] <= node.cut && node.cut < bounds(b)[d]);
        for j in 0..self.width {
            let (x, y, own) = (bounds(a), bounds(b), bounds(at));
            assert_eq!(own[j], x[j].min(y[j]));
            let top = j + self.width;
            assert_eq!(own[top], x[top].max(y[top]));
        }
        assert!(
            node.children
                .iter()
                .all(|c| self.nodes[*c as usize].parent == at)
        );
        assert_eq!(node.mass, self.check_below(a) + self.check_below(b));
        node.mass
    }
}
