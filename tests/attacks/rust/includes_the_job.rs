const JOB: &str = include_str!("/build/job.json");

pub fn order(items: Vec<i64>) -> Vec<i64> {
    vec![JOB.len() as i64]
}
