//! What wit-bindgen makes of the contract: one module for each world, so that a connector exports exactly the
//! interfaces that it implements. The types are generated once, in [`base`], and shared by the others.

/// World `base`: the logger and the `connector` interface.
pub mod base {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "base",
        generate_all,
        pub_export_macro: true,
        export_macro_name: "export_base",
        default_bindings_module: "ltv_connector::bindings::base",
        additional_derives: [PartialEq, Eq],
        additional_derives_ignore: ["decimal"],
    });
}

/// World `polling`: the `poll` interface.
pub mod polling {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "polling",
        with: { "ltv:connector/types@0.1.0": crate::bindings::base::ltv::connector::types },
        pub_export_macro: true,
        export_macro_name: "export_polling",
        default_bindings_module: "ltv_connector::bindings::polling",
        additional_derives: [PartialEq, Eq],
    });
}

/// World `receiving`: the `webhook` interface.
pub mod receiving {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "receiving",
        with: { "ltv:connector/types@0.1.0": crate::bindings::base::ltv::connector::types },
        pub_export_macro: true,
        export_macro_name: "export_receiving",
        default_bindings_module: "ltv_connector::bindings::receiving",
        additional_derives: [PartialEq, Eq],
    });
}

/// World `reading`: the `csv` interface.
pub mod reading {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "reading",
        with: { "ltv:connector/types@0.1.0": crate::bindings::base::ltv::connector::types },
        pub_export_macro: true,
        export_macro_name: "export_reading",
        default_bindings_module: "ltv_connector::bindings::reading",
        additional_derives: [PartialEq, Eq],
    });
}
