namespace EmailRouter.Crm.Organization.Claims;

/// <summary>The namespaces and names of claims-based log-ins (WS-Trust 1.3, WS-Security 1.1, WS-Addressing 1.0, XML Signature).</summary>
internal static class ClaimsNames
{
    /// <summary>SOAP 1.2.</summary>
    public const string Envelope = "http://www.w3.org/2003/05/soap-envelope";

    /// <summary>WS-Addressing 1.0.</summary>
    public const string Addressing = "http://www.w3.org/2005/08/addressing";

    /// <summary>The address of whoever waits for the answer on the same connection.</summary>
    public const string Anonymous = Addressing + "/anonymous";

    /// <summary>WS-Trust 1.3.</summary>
    public const string Trust = "http://docs.oasis-open.org/ws-sx/ws-trust/200512";

    /// <summary>WS-Policy, as WS-Trust's AppliesTo is written.</summary>
    public const string Policy = "http://schemas.xmlsoap.org/ws/2004/09/policy";

    /// <summary>WS-Security: tokens and references.</summary>
    public const string Security = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd";

    /// <summary>WS-Security: timestamps and ids.</summary>
    public const string Utility = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd";

    /// <summary>A password as it is, which TLS protects (user name token profile 1.0).</summary>
    public const string PasswordText = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordText";

    /// <summary>XML Signature.</summary>
    public const string Signature = "http://www.w3.org/2000/09/xmldsig#";

    /// <summary>Exclusive XML Canonicalization without comments.</summary>
    public const string ExclusiveC14n = "http://www.w3.org/2001/10/xml-exc-c14n#";
}
