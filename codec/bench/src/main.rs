//! scratch
mod layouts;
mod trace;
use layouts::Plain;
use purple_sector_codec::*;
fn size<P: Plain>(t: &trace::Trace<P>, lossless: bool) {
    let schema = Schema::new(P::channels()).unwrap();
    let schema = if lossless { schema.lossless() } else { schema };
    let slots = schema.slots();
    let n_f = schema.n_floats(); let n_i = schema.n_ints();
    let rows: Vec<(u64, Vec<f32>, Vec<i32>)> = t.samples.iter().map(|s| { let (mut f, mut i) = (vec![], vec![]); s.values(&mut f, &mut i); (s.time_us(), f, i) }).collect();
    print!("{:18}{} ", t.name, if lossless {"L"} else {"q"});
    for n in [1usize, 2, 6, 12, 60] {
        let mut e = BlockEncoder::owned(&slots, n).unwrap();
        let mut d = BlockDecoder::owned(&slots).unwrap();
        let mut out = vec![0u8; 1 << 20];
        let (mut total, mut keys, mut key_bytes) = (0, 0, 0);
        let mut last_key = None;
        let stride = 64;
        let (mut tc, mut fc, mut ic) = (vec![0u64; stride], vec![0f32; n_f * stride], vec![0i32; n_i * stride]);
        let mut msgs = vec![];
        for chunk in rows.chunks(n) {
            for (t, f, i) in chunk { e.push(Row { captured_at_us: *t, floats: f, ints: i }).unwrap(); }
            let key = last_key.is_none_or(|k| chunk[0].0 - k >= 2_000_000) || e.needs_key();
            let mut cols = Columns { captured_at_us: &mut tc, floats: &mut fc, ints: &mut ic, stride };
            let (len, got) = if key { last_key = Some(chunk[0].0); let o = e.first_us(); let l = e.encode_key(&mut out).unwrap(); keys += 1; key_bytes += l; msgs.push((Some(o), out[..l].to_vec())); (l, d.decode_key(o, &out[..l], &mut cols).unwrap()) } else { let l = e.encode_block(&mut out).unwrap(); msgs.push((None, out[..l].to_vec())); (l, d.decode_block(&out[..l], &mut cols).unwrap()) };
            assert_eq!(got, chunk.len());
            for (s, (t, f, i)) in chunk.iter().enumerate() {
                assert_eq!(tc[s], *t);
                for c in 0..n_f { let (a, b) = (f[c], fc[c * stride + s]);
                    match slots[c].coding { Coding::Fixed { resolution, .. } => assert!((f64::from(a) - f64::from(b)).abs() <= f64::from(resolution) * 0.5 + f64::from(a.abs()) * 1.2e-7, "{a} {b} {resolution}"), _ => assert_eq!(a.to_bits(), b.to_bits()) } }
                for c in 0..n_i { assert_eq!(i[c], ic[c * stride + s]); }
            }
            total += len;
        }
        print!(" n{n}: {:.2} (key {:.0})", total as f64 / rows.len() as f64, key_bytes as f64 / keys as f64);
        if std::env::args().any(|a| a == "time") && !lossless && rows.len() > 1000 {
            let (mut be, mut bd) = (f64::MAX, f64::MAX);
            for _ in 0..15 {
                let t0 = std::time::Instant::now();
                let mut last_key = None;
                let mut sum = 0;
                for chunk in rows.chunks(n) {
                    for (t, f, i) in chunk { e.push(Row { captured_at_us: *t, floats: f, ints: i }).unwrap(); }
                    let key = last_key.is_none_or(|k| chunk[0].0 - k >= 2_000_000) || e.needs_key();
                    sum += if key { last_key = Some(chunk[0].0); e.encode_key(&mut out).unwrap() } else { e.encode_block(&mut out).unwrap() };
                }
                std::hint::black_box(sum);
                be = be.min(t0.elapsed().as_nanos() as f64 / rows.len() as f64);
                let t0 = std::time::Instant::now();
                let stride = n.next_multiple_of(8);
                let mut cols = Columns { captured_at_us: &mut tc, floats: &mut fc[..n_f*stride], ints: &mut ic[..n_i*stride], stride };
                for (o, m) in &msgs { sum += match o { Some(o) => d.decode_key(*o, m, &mut cols).unwrap(), None => d.decode_block(m, &mut cols).unwrap() }; }
                std::hint::black_box(sum);
                bd = bd.min(t0.elapsed().as_nanos() as f64 / rows.len() as f64);
            }
            print!(" [enc {be:.0} dec {bd:.0}]");
        }
    }
    println!();
}
fn main() {
    let at = trace::recordings();
    let r = trace::reference(&at.join("reference-60hz.csv.gz"), "reference-60hz").unwrap();
    let i = trace::assetto_corsa(&at.join("ac-imola-36c.csv.gz"), "ac-imola").unwrap();
    let l = trace::acc_laps(&at.join("acc-laps-6hz.csv.gz"), "acc-laps").unwrap();
    let h = trace::acc_fragment(&at.join("acc-hungaroring-fragment.csv.gz"), "acc-hungaroring").unwrap();
    for x in [false, true] { size(&r, x); size(&i, x); size(&l, x); size(&h, x); }
    if std::env::args().any(|a| a == "time") {
        let ss = &r.samples; let mut buf = vec![0u8; 4096];
        let msgs: Vec<Vec<u8>> = ss.iter().map(|s| postcard::to_allocvec(s).unwrap()).collect();
        let (mut be, mut bd) = (f64::MAX, f64::MAX);
        for _ in 0..15 {
            let t0 = std::time::Instant::now();
            for s in ss { std::hint::black_box(postcard::to_slice(s, &mut buf).unwrap().len()); }
            be = be.min(t0.elapsed().as_nanos() as f64 / ss.len() as f64);
            let t0 = std::time::Instant::now();
            for m in &msgs { std::hint::black_box(postcard::from_bytes::<layouts::Reference>(m).unwrap()); }
            bd = bd.min(t0.elapsed().as_nanos() as f64 / ss.len() as f64);
        }
        println!("postcard enc {be:.0} dec {bd:.0}");
    }
}
