//! The vector that stands for a passage.

/// The vector of a passage from that of its headings and that of its text: the
/// direction halfway between. One vector for both texts together would leave a
/// heading of five words without a say beside two hundred; nDCG@10 of `docent
/// eval retrieval --mode hybrid` is .866 on stackfaq with it and .833 without,
/// and the same on scifact and xquad-en.
pub fn between(heading: &[f32], text: &[f32]) -> Vec<f32> {
    let sum: Vec<f32> = heading.iter().zip(text).map(|(heading, text)| heading + text).collect();
    let length = sum.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 { sum.iter().map(|value| value / length).collect() } else { sum }
}
