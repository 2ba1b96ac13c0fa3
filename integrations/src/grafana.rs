//! Dashboards as Grafana's JSON, the classic model.
//!
//! Nothing in it depends on an installation: data sources are a variable, links go by tags, and
//! ids count from 1. Source: Grafana's documentation "Dashboard JSON model" and its published
//! schema, against which a test holds every file.

use serde_json::{Map, Value, json};

use crate::dashboard::{Choice, Dashboard, Limits, Panel, Query, Unit, Variable, View};

/// The version of the model; Grafana 12.1 writes it, and older ones read what they know of it.
const SCHEMA: u32 = 42;
/// How wide a page is.
const COLUMNS: u8 = 24;
/// What all pages have in common, and link each other by.
const TAG: &str = "tachograph";

/// A page.
pub fn json(dashboard: &Dashboard) -> Value {
    json!({
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.description,
        "tags": [TAG],
        "schemaVersion": SCHEMA,
        "editable": true,
        "graphTooltip": 1,
        "timezone": "browser",
        "fiscalYearStartMonth": 0,
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "timepicker": {},
        "annotations": {"list": []},
        "links": [links()],
        "templating": {"list": variables(dashboard)},
        "panels": panels(dashboard),
    })
}

/// The other pages, with the range and the choices of this one.
fn links() -> Value {
    json!({
        "type": "dashboards",
        "title": "Tachograph",
        "tags": [TAG],
        "asDropdown": false,
        "includeVars": true,
        "keepTime": true,
        "targetBlank": false,
        "icon": "external link",
        "tooltip": "",
    })
}

/// The data source that the reader chooses.
fn source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

fn variables(dashboard: &Dashboard) -> Vec<Value> {
    let datasource = json!({
        "name": "datasource",
        "label": "Data source",
        "description": "A Tachograph, or a Prometheus that scrapes one.",
        "type": "datasource",
        "query": "prometheus",
        "regex": "",
        "refresh": 1,
        "hide": 0,
        "multi": false,
        "includeAll": false,
        "skipUrlSync": false,
        "options": [],
    });
    let mut all = vec![datasource];
    all.extend(dashboard.variables.iter().map(variable));
    all
}

fn variable(variable: &Variable) -> Value {
    let query = format!("label_values({}, {})", variable.series, variable.values_of);
    let many = variable.choice == Choice::Many;
    let mut json = json!({
        "name": variable.name,
        "label": variable.label,
        "type": "query",
        "datasource": source(),
        "definition": query,
        "query": {
            "qryType": 1,
            "query": query,
            "refId": "PrometheusVariableQueryEditor-VariableQuery",
        },
        "regex": "",
        // With the time range: what is gone by now may have been there then.
        "refresh": 2,
        "sort": 1,
        "hide": 0,
        "multi": many,
        "includeAll": many,
        "skipUrlSync": false,
        "options": [],
    });
    if many {
        json["allValue"] = json!(".+");
        json["current"] = json!({"selected": true, "text": ["All"], "value": ["$__all"]});
    }
    json
}

/// Rows and panels, from left to right and top to bottom.
fn panels(dashboard: &Dashboard) -> Vec<Value> {
    let mut all = Vec::new();
    let mut top = 0;
    for row in &dashboard.rows {
        let place = json!({"h": 1, "w": COLUMNS, "x": 0, "y": top});
        all.push(json!({
            "id": all.len() + 1,
            "type": "row",
            "title": row.title,
            "collapsed": false,
            "gridPos": place,
            "panels": [],
        }));
        top += 1;
        let (mut left, mut deepest) = (0, 0);
        for panel in &row.panels {
            if left + panel.width > COLUMNS {
                (left, top, deepest) = (0, top + deepest, 0);
            }
            let height = height(panel.view);
            let place = json!({"h": height, "w": panel.width, "x": left, "y": top});
            all.push(panel_json(panel, all.len() + 1, &place));
            (left, deepest) = (left + panel.width, deepest.max(height));
        }
        top += deepest;
    }
    all
}

const fn height(view: View) -> u32 {
    match view {
        View::Number => 4,
        View::Lines | View::Stack | View::Bars => 8,
        View::Table => 10,
    }
}

fn panel_json(panel: &Panel, id: usize, place: &Value) -> Value {
    let letters = ('A'..='Z').zip(&panel.queries);
    let targets = letters.map(|(letter, query)| target(panel, letter, query));
    let mut json = json!({
        "id": id,
        "type": kind(panel.view),
        "title": panel.title,
        "description": panel.help,
        "datasource": source(),
        "gridPos": place,
        "targets": targets.collect::<Vec<_>>(),
        "options": options(panel),
        "fieldConfig": {"defaults": defaults(panel), "overrides": overrides(panel)},
    });
    if panel.view == View::Table {
        json["transformations"] = transformations(panel);
    }
    json
}

const fn kind(view: View) -> &'static str {
    match view {
        View::Lines | View::Stack => "timeseries",
        View::Number => "stat",
        View::Bars => "bargauge",
        View::Table => "table",
    }
}

fn target(panel: &Panel, letter: char, query: &Query) -> Value {
    let view = panel.view;
    let is_instant = matches!(view, View::Table | View::Bars);
    let mut json = json!({
        "refId": letter.to_string(),
        "datasource": source(),
        "editorMode": "code",
        "expr": query.expression,
        "legendFormat": query.legend,
        "instant": is_instant,
        "range": !is_instant,
        "format": if view == View::Table { "table" } else { "time_series" },
    });
    if let Some(step) = panel.step {
        json["interval"] = json!(step);
    }
    json
}

const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Percent => "percent",
        Unit::Ratio => "percentunit",
        Unit::Bytes => "bytes",
        Unit::BytesPerSecond => "binBps",
        Unit::Seconds => "s",
        Unit::RequestsPerSecond => "reqps",
        Unit::PerSecond => "cps",
        Unit::Count => "short",
    }
}

/// Colours from the limits on; green is what is fine, not what is unknown.
fn thresholds(limits: Option<Limits>) -> Value {
    let mut steps = vec![json!({"color": "green", "value": null})];
    if let Some(Limits { warning, critical }) = limits {
        steps.push(json!({"color": "orange", "value": warning}));
        steps.push(json!({"color": "red", "value": critical}));
    }
    json!({"mode": "absolute", "steps": steps})
}

fn defaults(panel: &Panel) -> Value {
    let mut json = Map::new();
    json.insert("unit".to_owned(), json!(unit(panel.unit)));
    json.insert("thresholds".to_owned(), thresholds(panel.limits));
    if let Some(min) = panel.min {
        json.insert("min".to_owned(), json!(min));
    }
    if let Some(max) = panel.max {
        json.insert("max".to_owned(), json!(max));
    }
    let colour = match panel.view {
        View::Lines | View::Stack => "palette-classic",
        View::Number | View::Bars | View::Table => "thresholds",
    };
    json.insert("color".to_owned(), json!({"mode": colour}));
    let custom = match panel.view {
        View::Lines => Some(drawing(panel, 0, "none")),
        View::Stack => Some(drawing(panel, 40, "normal")),
        View::Table => Some(json!({"align": "auto", "filterable": true})),
        View::Number | View::Bars => None,
    };
    json.extend(custom.map(|custom| ("custom".to_owned(), custom)));
    json.into()
}

/// How lines are drawn; limits are dashed where there are some.
fn drawing(panel: &Panel, fill: u32, stacking: &str) -> Value {
    let limits = if panel.limits.is_some() {
        "dashed"
    } else {
        "off"
    };
    json!({
        "drawStyle": "line",
        "lineInterpolation": "linear",
        "lineWidth": 1,
        "fillOpacity": fill,
        "showPoints": "never",
        "spanNulls": false,
        "stacking": {"mode": stacking, "group": "A"},
        "thresholdsStyle": {"mode": limits},
    })
}

fn options(panel: &Panel) -> Value {
    let reduce = json!({"calcs": ["lastNotNull"], "fields": "", "values": false});
    // A figure that is neither good nor bad has no colour.
    let colour = if panel.limits.is_some() {
        "value"
    } else {
        "none"
    };
    match panel.view {
        View::Lines | View::Stack => json!({
            "legend": {
                "displayMode": "table",
                "placement": "bottom",
                "showLegend": true,
                "calcs": ["mean", "max", "lastNotNull"],
                "sortBy": "Max",
                "sortDesc": true,
            },
            "tooltip": {"mode": "multi", "sort": "desc"},
        }),
        View::Number => json!({
            "reduceOptions": reduce,
            "orientation": "auto",
            "textMode": "value",
            "colorMode": colour,
            "graphMode": "area",
            "justifyMode": "auto",
        }),
        View::Bars => json!({
            "reduceOptions": reduce,
            "orientation": "horizontal",
            "displayMode": "basic",
            "valueMode": "color",
            "showUnfilled": true,
        }),
        View::Table => json!({"showHeader": true, "cellHeight": "sm"}),
    }
}

fn overrides(panel: &Panel) -> Vec<Value> {
    let mut all = Vec::new();
    if let Some(part) = panel.downwards {
        all.push(json!({
            "matcher": {"id": "byRegexp", "options": format!("/{part}/")},
            "properties": [{"id": "custom.transform", "value": "negative-Y"}],
        }));
    }
    for query in panel.queries.iter().filter(|_| panel.view == View::Table) {
        let unit = unit(query.unit.unwrap_or(panel.unit));
        all.push(json!({
            "matcher": {"id": "byName", "options": query.legend},
            "properties": [{"id": "unit", "value": unit}],
        }));
    }
    if let Some((label, variable)) = panel.chooses {
        let url = format!("?${{__url_time_range}}&var-{variable}=${{__value.raw}}");
        let link = json!({"title": "Only ${__value.raw}", "url": url, "targetBlank": false});
        all.push(json!({
            "matcher": {"id": "byName", "options": label},
            "properties": [{"id": "links", "value": [link]}],
        }));
    }
    all
}

/// One line a label set, with the columns' own heads, the first of them deciding the order.
fn transformations(panel: &Panel) -> Value {
    let letters = || ('A'..='Z').zip(&panel.queries);
    let heads: Map<String, Value> = letters()
        .map(|(letter, query)| (format!("Value #{letter}"), json!(query.legend)))
        .collect();
    let first = panel.queries.first().map_or("", |query| query.legend);
    json!([
        {"id": "merge", "options": {}},
        {"id": "organize", "options": {
            "excludeByName": {"Time": true},
            "indexByName": {},
            "renameByName": heads,
        }},
        {"id": "sortBy", "options": {"fields": {}, "sort": [{"field": first, "desc": true}]}},
    ])
}
