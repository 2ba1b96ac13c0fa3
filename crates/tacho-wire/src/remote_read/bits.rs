//! Bits, the highest first, as Prometheus' chunks have them, and the numbers made of them.
//!
//! Source: Prometheus `tsdb/docs/format/chunks.md`; T. Pelkonen et al., "Gorilla: A Fast, Scalable,
//! In-Memory Time Series Database" (2015), 4.1.

/// Bits that are written one behind the other; what is missing of the last byte is zero.
#[derive(Debug, Default)]
pub(super) struct Bits {
    bytes: Vec<u8>,
    /// Bits of the last byte that are still free.
    free: u32,
}

impl Bits {
    /// Bits behind bytes that are there already.
    pub(super) fn behind(bytes: Vec<u8>) -> Self {
        Self { bytes, free: 0 }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The lowest `count` bits of a number.
    pub(super) fn put(&mut self, number: u64, count: u32) {
        let mut left = count;
        while left > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let taken = left.min(self.free);
            left -= taken;
            let part = (number >> left) & ((1 << taken) - 1);
            self.free -= taken;
            if let Some(last) = self.bytes.last_mut() {
                *last |= (part as u8) << self.free;
            }
        }
    }

    /// A number of seven bits a byte, the lowest first.
    pub(super) fn put_uvarint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.put(number & 0x7f | 0x80, 8);
            number >>= 7;
        }
        self.put(number, 8);
    }

    /// The same of a signed number, as zigzag encoding makes it positive.
    pub(super) fn put_varint(&mut self, number: i64) {
        self.put_uvarint((number << 1) as u64 ^ (number >> 63) as u64);
    }

    /// A number of one of these widths, which so many ones and a zero tell; 64 bits behind one
    /// more one where it fits none; one zero where it is zero.
    pub(super) fn put_signed(&mut self, number: i64, widths: &[u32]) {
        // The range of a width is (-2^(width-1), 2^(width-1)].
        let fits = |width: u32| {
            let half = 1i64 << (width - 1);
            -half < number && number <= half
        };
        self.put_width(number as u64, number == 0, widths, fits);
    }

    /// The same of a number without a sign.
    pub(super) fn put_unsigned(&mut self, number: u64, widths: &[u32]) {
        self.put_width(number, number == 0, widths, |width| number >> width == 0);
    }

    fn put_width(&mut self, bits: u64, is_zero: bool, widths: &[u32], fits: impl Fn(u32) -> bool) {
        if is_zero {
            return self.put(0, 1);
        }
        let place = widths.iter().position(|width| fits(*width));
        let ones = place.unwrap_or(widths.len()) as u32 + 1;
        self.put(u64::MAX, ones);
        match place {
            Some(place) => {
                self.put(0, 1);
                self.put(bits, widths[place]);
            }
            None => self.put(bits, 64),
        }
    }
}

/// How a value differs from the one before it, in as many bits as that takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Xor {
    before: u64,
    /// The bits that are zero at either end of the window of the last that differed.
    window: Option<(u32, u32)>,
}

impl Xor {
    /// After a first value, which stands by itself.
    pub(super) fn after(value: f64) -> Self {
        let (before, window) = (value.to_bits(), None);
        Self { before, window }
    }

    pub(super) fn put(&mut self, value: f64, into: &mut Bits) {
        let difference = value.to_bits() ^ self.before;
        self.before = value.to_bits();
        if difference == 0 {
            return into.put(0, 1);
        }
        into.put(1, 1);
        // Five bits hold the zeros in front.
        let leading = difference.leading_zeros().min(31);
        let trailing = difference.trailing_zeros();
        if let Some((front, end)) = self.window
            && leading >= front
            && trailing >= end
        {
            into.put(0, 1);
            return into.put(difference >> end, 64 - front - end);
        }
        self.window = Some((leading, trailing));
        let significant = 64 - leading - trailing;
        into.put(1, 1);
        into.put(u64::from(leading), 5);
        // Six bits hold 64 as 0, for there is always one.
        into.put(u64::from(significant) & 0x3f, 6);
        into.put(difference >> trailing, significant);
    }
}
