using EmailRouter.Crm;
using EmailRouter.Routing;

namespace EmailRouter.Lab.Seed;

/// <summary>The organization of the lab: Contoso, its users and queues, its customers, and the emails that wait to be sent. The same every time.</summary>
public static class SeedOrganization
{
    /// <summary>The organization's name.</summary>
    public const string Name = "Contoso";

    /// <summary>The table of the organization's own: building projects, each with an address.</summary>
    public const string ProjectTable = "new_project";

    /// <summary>A domain of which the lab's mail server knows that nobody is there.</summary>
    public const string DomainWithoutMailboxes = "treyresearch.test";

    /// <summary>Gets the settings of the organization that differ from their defaults, by name.</summary>
    public static IReadOnlyDictionary<string, object?> Settings { get; } = new Dictionary<string, object?>
    {
        ["enablesmartmatching"] = true,
        ["ignoreinternalemail"] = true,
        ["maxuploadfilesize"] = 10 * 1024 * 1024,
    };

    /// <summary>Gets the users.</summary>
    public static IReadOnlyList<SeedUser> Users { get; } =
    [
        new("Anna Berg", "anna.berg@contoso.test", FilteringMethod.InResponse, AutoCreate.Contact),
        new("Ben Ortiz", "ben.ortiz@contoso.test", FilteringMethod.All, AutoCreate.Contact),
        new("Carla Nunez", "carla.nunez@contoso.test", FilteringMethod.FromLeadsContactsAccounts, AutoCreate.Contact),
        new("David Kim", "david.kim@contoso.test", FilteringMethod.FromEmailEnabledRecords, AutoCreate.None),
        new("Eva Lind", "eva.lind@contoso.test", FilteringMethod.None, AutoCreate.None),
        new("Farid Nasser", "farid.nasser@contoso.test", FilteringMethod.All, AutoCreate.Lead),
        new("Grace Hall", "grace.hall@contoso.test", FilteringMethod.All, AutoCreate.Contact) { Approval = AccessApproval.Pending },
        new("Hugo Meyer", "hugo.meyer@contoso.test", FilteringMethod.InResponse, AutoCreate.Contact),
        new("Ines Duarte", "ines.duarte@contoso.test", FilteringMethod.InResponse, AutoCreate.Lead),
        new("Jonas Weber", "jonas.weber@contoso.test", FilteringMethod.All, AutoCreate.Contact) { IsDisabled = true },
        new("Karin Holm", "karin.holm@contoso.test", FilteringMethod.All, AutoCreate.Contact) { Delivery = DeliveryMethod.Outlook },
        new("Leo Rossi", "leo.rossi@contoso.test", FilteringMethod.All, AutoCreate.None),
    ];

    /// <summary>Gets the queues.</summary>
    public static IReadOnlyList<SeedQueue> Queues { get; } =
    [
        new("Support", "support@contoso.test", FilteringMethod.All, "Hugo Meyer"),
        new("Sales", "sales@contoso.test", FilteringMethod.FromLeadsContactsAccounts, "Carla Nunez"),
        new("Billing", "billing@contoso.test", FilteringMethod.InResponse, "Ines Duarte"),
    ];

    /// <summary>Gets the customers: accounts, contacts, leads and projects.</summary>
    public static IReadOnlyList<SeedRecord> Records { get; } =
    [
        new("account", "Adatum", "info@adatum.test", "Anna Berg"),
        new("account", "Fabrikam", "info@fabrikam.test", "Hugo Meyer"),
        new("account", "Litware", "office@litware.test", "Anna Berg"),
        new("account", "Proseware", "hello@proseware.test", "Hugo Meyer"),
        new("account", "Wingtip", "contact@wingtip.test", "Ines Duarte"),
        new("account", "Tailspin", "info@tailspin.test", "Carla Nunez"),
        new("account", "Alpine Lodges", "reception@alpine.test", "Ben Ortiz"),
        new("account", "Bücher", "info@xn--bcher-kva.test", "Carla Nunez"),
        new("account", "Coho Winery", "cellar@coho.test", "Leo Rossi"),
        new("account", "Fourth Coffee", "beans@fourthcoffee.test", "Leo Rossi"),
        new("account", "Graphic Design Institute", "studio@gdi.test", "Farid Nasser"),
        new("account", "Humongous Insurance", "claims@humongous.test", "Ines Duarte"),
        new("account", "Lucerne Publishing", "print@lucerne.test", "Carla Nunez") { DoNotEmail = true },
        new("account", "Trey Research", "lab@treyresearch.test", "Ben Ortiz"),

        new("contact", "Kim Abel", "kim.abel@adatum.test", "Anna Berg"),
        new("contact", "Olga Ivanova", "olga.ivanova@adatum.test", "Hugo Meyer"),
        new("contact", "Otto Alt", "otto.alt@adatum.test", "Anna Berg") { IsInactive = true },
        new("contact", "Jo Brandt", "jo.brandt@fabrikam.test", "Hugo Meyer"),
        new("contact", "Sofia Lang", "sofia.lang@fabrikam.test", "Hugo Meyer"),
        new("contact", "Lars Holm", "lars.holm@litware.test", "Anna Berg"),
        new("contact", "Yuki Sato", "yuki.sato@litware.test", "Ben Ortiz"),
        new("contact", "Maria Costa", "maria.costa@proseware.test", "Hugo Meyer") { SecondAddress = "maria@costa.example.test" },
        new("contact", "Tom Fisher", "tom.fisher@proseware.test", "Hugo Meyer"),
        new("contact", "Nora Quist", "nora.quist@wingtip.test", "Ines Duarte"),
        new("contact", "Viktor Lund", "viktor.lund@wingtip.test", "Ines Duarte"),
        new("contact", "Paula Steiner", "office@alpine.test", "Ben Ortiz"),
        new("contact", "Peter Steiner", "office@alpine.test", "Anna Berg"),
        new("contact", "Irene Fox", "irene.fox@tailspin.test", "Carla Nunez"),
        new("contact", "Marek Nowak", "marek.nowak@coho.test", "Leo Rossi"),
        new("contact", "Aisha Khan", "aisha.khan@fourthcoffee.test", "Leo Rossi"),
        new("contact", "Bruno Keller", "bruno.keller@gdi.test", "Farid Nasser"),
        new("contact", "Chloe Martin", "chloe.martin@gdi.test", "Farid Nasser"),
        new("contact", "Daniel Roth", "daniel.roth@humongous.test", "Ines Duarte"),
        new("contact", "Emily Stone", "emily.stone@humongous.test", "Ines Duarte"),
        new("contact", "Felix Braun", "felix.braun@lucerne.test", "Carla Nunez"),
        new("contact", "Gina Russo", "gina.russo@treyresearch.test", "Ben Ortiz"),
        new("contact", "Hana Novak", "hana.novak@treyresearch.test", "Ben Ortiz"),
        new("contact", "Ivan Petrov", "ivan.petrov@xn--bcher-kva.test", "Carla Nunez"),
        new("contact", "Julia Weiss", "julia.weiss@alpine.test", "Ben Ortiz"),
        new("contact", "Karl Jensen", "karl.jensen@litware.test", "Anna Berg"),
        new("contact", "Lina Haas", "lina.haas@fabrikam.test", "Hugo Meyer") { DoNotEmail = true },
        new("contact", "Milan Horvat", "milan.horvat@wingtip.test", "Ines Duarte"),

        new("lead", "Lena Vogt", "lena.vogt@tailspin.test", "Carla Nunez"),
        new("lead", "Nils Berger", "nils.berger@southridge.test", "Carla Nunez"),
        new("lead", "Oskar Falk", "oskar.falk@southridge.test", "Carla Nunez"),
        new("lead", "Petra Simon", "petra.simon@woodgrove.test", "Farid Nasser"),
        new("lead", "Rosa Marin", "rosa.marin@woodgrove.test", "Farid Nasser"),
        new("lead", "Stefan Wolf", "stefan.wolf@relecloud.test", "Farid Nasser"),
        new("lead", "Tara Singh", "tara.singh@relecloud.test", "Farid Nasser"),
        new("lead", "Ulla Strand", "ulla.strand@nodpublishers.test", "Carla Nunez"),
        new("lead", "Vera Blum", "vera.blum@nodpublishers.test", "Carla Nunez"),
        new("lead", "Walter Moser", "walter.moser@vanarsdel.test", "Ines Duarte"),
        new("lead", "Xenia Popov", "xenia.popov@vanarsdel.test", "Ines Duarte"),
        new("lead", "Zoe Laurent", "zoe.laurent@vanarsdel.test", "Ines Duarte") { IsInactive = true },

        new(ProjectTable, "Turbine hall 7", "turbine7@projects.wingtip.test", "David Kim"),
        new(ProjectTable, "Crane 3", "crane3@projects.wingtip.test", "David Kim"),
        new(ProjectTable, "Office tower", "tower@projects.wingtip.test", "David Kim"),
        new(ProjectTable, "Harbour bridge", "bridge@projects.wingtip.test", "David Kim"),
        new(ProjectTable, "Water works", "water@projects.wingtip.test", "Anna Berg"),
        new(ProjectTable, "Ski lift", "lift@projects.wingtip.test", "Ben Ortiz") { IsInactive = true },
    ];

    /// <summary>Gets the emails that wait to be sent.</summary>
    public static IReadOnlyList<SeedEmail> Emails { get; } =
    [
        Email("quote-17", "Anna Berg", ["Kim Abel"], "Quotation 17 for the pump station", "<p>Dear Kim,</p><p>our quotation is attached.</p>")
            with { Regarding = "Adatum", Attachment = "quotation-17.txt" },
        Email("order-4711", "Hugo Meyer", ["Jo Brandt"], "Confirmation of order 4711", "<p>Your order will be shipped soon.</p>")
            with { Regarding = "Fabrikam", Priority = EmailPriority.High, ComesBack = true },
        Email("visit-plan", "Anna Berg", ["Lars Holm"], "Our visit to your plant", "<p>Would Tuesday or Wednesday suit you?</p>")
            with { Regarding = "Lars Holm" },
        Email("contract-draft", "Ines Duarte", ["Nora Quist"], "Draft of the framework contract", "<p>The draft is below. Größe und Maße folgen.</p>")
            with { Regarding = "Wingtip", Cc = ["Viktor Lund"] },
        Email("case-answer", "Support", ["Olga Ivanova"], "Your question about filters", "<p>Please clean the filter.</p>") with { Regarding = "Olga Ivanova" },
        Email("invoice-88", "Billing", ["Fabrikam"], "Invoice 88", "<p>Please pay within 14 days.</p>") with { Regarding = "Fabrikam" },
        Email("catalogue", "Carla Nunez", ["Lena Vogt"], "The catalogue you asked for", "<p>Here it is.</p>") with { Attachment = "catalogue.txt" },
        Email("project-note", "David Kim", ["Turbine hall 7", "Crane 3"], "Access roads closed on Friday", "<p>Both roads are closed.</p>")
            with { Priority = EmailPriority.Low },
        new("survey", "Ben Ortiz", ["Yuki Sato", "Gina Russo", "Julia Weiss"], "How satisfied are you", "<p>Five questions only.</p>",
            DecisionAction.Sent, DecisionReasons.PartlyAccepted, "The mail server takes it for two recipients and refuses the third, who does not exist."),
        new("research", "Ben Ortiz", ["Hana Novak"], "Samples for your laboratory", "<p>The samples are on their way.</p>",
            DecisionAction.Failed, DecisionReasons.Rejected, "The mail server refuses the only recipient, who does not exist."),
        new("opted-out", "Hugo Meyer", ["Lina Haas"], "News from our workshop", "<p>News.</p>",
            DecisionAction.Failed, DecisionReasons.RecipientNotAllowed, "The recipient does not want to be mailed (donotemail)."),
        new("unresolved", "Leo Rossi", ["nobody.known@northwind.test"], "Nice to have met you", "<p>See you.</p>",
            DecisionAction.Failed, DecisionReasons.RecipientNotAllowed,
            "The recipient is no record of the CRM, and the organization does not allow unresolved recipients."),
        new("not-approved", "Grace Hall", ["Kim Abel"], "Written before the approval", "<p>Hello.</p>",
            null, null, "The sender's address waits for approval, so the email is not even claimed."),
    ];

    /// <summary>Gives the password of a mailbox in the lab. It protects nothing: the lab listens on loopback only.</summary>
    /// <param name="address">The mailbox's address.</param>
    /// <returns>The password.</returns>
    public static string PasswordOf(string address)
    {
        ArgumentException.ThrowIfNullOrEmpty(address);
        return "lab-" + address.Split('@')[0];
    }

    private static SeedEmail Email(string key, string from, IReadOnlyList<string> to, string subject, string description) =>
        new(key, from, to, subject, description, DecisionAction.Sent, DecisionReasons.Accepted, "The mail server takes it for all recipients.");
}
